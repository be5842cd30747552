"""The configuration of a baseline, passed as one JSON argument."""

import sys

import msgspec
from msgspec import Struct


class Job(Struct, frozen=True):
    """Topics to read and write, and models to score with."""

    bootstrap: str
    #: Consumer group; also the transactional id.
    group: str
    topic_transactions: str
    topic_decisions: str
    topic_alerts: str
    topic_shadow_scores: str
    #: Local bundle directories.
    champion: str
    challengers: tuple[str, ...]
    role_epoch: int
    max_reasons: int
    #: Batch size in transactions.
    batch: int


def read_job() -> Job:
    """Decode the process's command-line argument."""
    return msgspec.json.decode(sys.argv[1], type=Job)


def write_job(job: Job) -> str:
    """Encode a job as a command-line argument."""
    return msgspec.json.encode(job).decode()

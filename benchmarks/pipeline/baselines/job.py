"""What a rival is told, as one JSON argument."""

import sys

import msgspec
from msgspec import Struct


class Job(Struct, frozen=True):
    """Where to read, what to score with, where to write."""

    bootstrap: str
    #: Consumer group; also the stem of transactional ids.
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
    #: What the rival does at once, in transactions.
    batch: int


def read_job() -> Job:
    """Read the one argument of a rival's process."""
    return msgspec.json.decode(sys.argv[1], type=Job)


def write_job(job: Job) -> str:
    """Make that argument."""
    return msgspec.json.encode(job).decode()

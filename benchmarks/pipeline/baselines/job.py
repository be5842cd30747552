"""Configuration of a baseline, passed to its process as one JSON argument."""

import sys

import msgspec
from msgspec import Struct


class Job(Struct, frozen=True):
    """Topics that a baseline reads and writes, and the models that it scores with."""

    bootstrap: str
    #: Consumer group, also used as the transactional id.
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
    #: Number of transactions in a batch.
    batch: int
    #: Version of the worker's package, which a baseline's environment does not have installed.
    engine: str


def read_job() -> Job:
    """Return the job in the process's command-line argument."""
    return msgspec.json.decode(sys.argv[1], type=Job)


def write_job(job: Job) -> str:
    """Return a job as a command-line argument."""
    return msgspec.json.encode(job).decode()

"""State and counts of a worker, on the topics `worker-status` and `role-counts`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages.fields import Count, Epoch, Sha256


class WorkerStatus(Struct, frozen=True):
    """State of a worker slot. The topic is compacted by slot, so it keeps the newest status."""

    slot: str
    state: Literal["waiting", "ready", "unready", "stopped"]
    #: Epoch of the roles in use; 0 before the first assignment.
    role_epoch: int
    champion: str | None
    challengers: tuple[str, ...]
    #: The newest rejected role change, if it is newer than the roles in use.
    refused: str | None
    partitions: tuple[int, ...]
    #: Number of transactions waiting in Kafka.
    lag: int
    written_at_ms: int
    schema_version: Literal[1] = 1


class ModelCounts(Struct, frozen=True):
    """Counts of the scores and verdicts of one model with one policy; they can be summed over workers.

    Every transaction counts for every model, whether the model decides or is in shadow mode. This makes a shadow period
    comparable with the time after the promotion.
    """

    name: str
    version: str
    bundle_sha256: Sha256
    policy_version: str
    #: True for the champion; False for a challenger, even one that decides for a share of the cards.
    decides: bool
    #: Number of transactions, with or without a score.
    transactions: Count
    #: Number of transactions with each verdict by the model's own policy, before exploration.
    reviews: Count
    declines: Count
    #: Number of transactions without a score. For a challenger: those it could not score. For the champion: those it
    #: failed on, and dead letters caused by its features (missing, null, not finite or of a wrong type).
    problems: Count
    #: Histogram of the scores' log odds, ln(s / (1 - s)): below -12, then 30 bins of width 0.6, then from 6 up.
    scores: Annotated[tuple[Count, ...], Meta(min_length=32, max_length=32)]


class RoleCounts(Struct, frozen=True):
    """A worker's counts of committed transactions, under one assignment of roles, since its previous message."""

    slot: str
    #: Id of the worker's process; each start gets a new id.
    instance: str
    #: Sequence number of the message, starting at 1 in each instance, by which readers recognise a repeated message.
    sequence: Annotated[int, Meta(ge=1)]
    role_epoch: Epoch
    written_at_ms: int
    #: Histogram of the time to score one part of a batch (up to 250 transactions) with all models: up to 1 ms, up to 2,
    #: 4, …, 1024 ms, and longer.
    latencies: Annotated[tuple[Count, ...], Meta(min_length=12, max_length=12)]
    players: tuple[ModelCounts, ...]
    schema_version: Literal[1] = 1

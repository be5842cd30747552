"""State and counts of a worker, on the topics `worker-status` and `role-counts`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages.fields import Count, Epoch, Sha256


class WorkerStatus(Struct, frozen=True):
    """State of a worker slot. The topic is compacted by slot, so it keeps the newest status."""

    #: Slot of the worker; also the message's key.
    slot: str
    #: waiting: no champion is loaded yet. ready: it scores. unready: something prevents it from scoring. stopped: it
    #: has ended.
    state: Literal["waiting", "ready", "unready", "stopped"]
    #: Epoch of the roles in use; 0 before the first assignment.
    role_epoch: int
    #: Version of the champion in use; None before the first assignment.
    champion: str | None
    #: Versions of the challengers in use.
    challengers: tuple[str, ...]
    #: The newest rejected role change, if it is newer than the roles in use.
    refused: str | None
    #: Partitions of the transactions topic that the worker reads.
    partitions: tuple[int, ...]
    #: Number of transactions waiting in Kafka.
    lag: int
    #: UTC milliseconds at which the status was written.
    written_at_ms: int
    #: Version of the message's format.
    schema_version: Literal[1] = 1


class ModelCounts(Struct, frozen=True):
    """Counts of the scores and verdicts of one model with one policy; they can be summed over workers.

    Every transaction counts for every model, whether the model decides or is in shadow mode. This makes a shadow period
    comparable with the time after the promotion.
    """

    #: Name of the model.
    name: str
    #: Version of the model.
    version: str
    #: SHA-256 of the manifest of the model's bundle.
    bundle_sha256: Sha256
    #: Version of the policy by which verdicts were counted.
    policy_version: str
    #: True for the champion; False for a challenger, even one that decides for a share of the cards.
    decides: bool
    #: Number of transactions, with or without a score.
    transactions: Count
    #: Number of transactions that the model's own policy would review, before exploration.
    reviews: Count
    #: Number of transactions that the model's own policy would decline, before exploration.
    declines: Count
    #: Number of transactions without a score. For a challenger: those it could not score. For the champion: those it
    #: failed on, and dead letters caused by its features (missing, null, not finite or of a wrong type).
    problems: Count
    #: Histogram of the scores' log odds, ln(s / (1 - s)): below -12, then 30 bins of width 0.6, then from 6 up.
    scores: Annotated[tuple[Count, ...], Meta(min_length=32, max_length=32)]


class RoleCounts(Struct, frozen=True):
    """A worker's counts of committed transactions, under one assignment of roles, since its previous message."""

    #: Slot of the worker; for an HTTP edge, its slot with `-http` appended.
    slot: str
    #: Id of the worker's process; each start gets a new id.
    instance: str
    #: Sequence number of the message, starting at 1 in each instance, by which readers recognise a repeated message.
    sequence: Annotated[int, Meta(ge=1)]
    role_epoch: Epoch
    #: UTC milliseconds at which the counts were written.
    written_at_ms: int
    #: Histogram of the time to score one part of a batch (up to 250 transactions) with all models: up to 1 ms, up to 2,
    #: 4, …, 1024 ms, and longer.
    latencies: Annotated[tuple[Count, ...], Meta(min_length=12, max_length=12)]
    #: Counts of each model with a role.
    players: tuple[ModelCounts, ...]
    #: Version of the message's format.
    schema_version: Literal[1] = 1

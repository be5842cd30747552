"""Which transaction a decision is about: its place on a topic."""

from collections.abc import Sequence

from msgspec.structs import replace

from schemas.messages import Decision, ShadowScore


def decision_id(topic: str, partition: int, offset: int, epoch: int) -> str:
    """Return the name of the decision about one place under one assignment of roles.

    >>> decision_id("transactions", 3, 17, 2)
    'transactions/3/17@2'
    """
    return f"{topic}/{partition}/{offset}@{epoch}"


def placed(
    decision: Decision, shadows: Sequence[ShadowScore], partition: int, offset: int
) -> tuple[Decision, list[ShadowScore]]:
    """Return what was decided before the transaction's place was known, with its place.

    Args:
        decision: Of a transaction that has just been written.
        shadows: What the others say about it.
        partition: Where it was written.
        offset: Likewise.
    """
    name = decision_id(decision.source_topic, partition, offset, decision.role_epoch)
    at = replace(decision, decision_id=name, source_partition=partition, source_offset=offset)
    return at, [replace(shadow, decision_id=name) for shadow in shadows]

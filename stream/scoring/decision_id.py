"""The id of a decision, which consists of the transaction's source position and the epoch of the role assignment."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from schemas.messages import Decision, ShadowScore

# Kafka allows neither "/" nor "@" in a topic's name. 18 digits always fit 64 bits.
_FORM = re.compile(r"([^/@]+)/(\d{1,18})/(\d{1,18})@(\d{1,18})", re.ASCII)


class DecisionId(NamedTuple):
    """The parts of a decision id."""

    topic: str
    partition: int
    offset: int
    role_epoch: int


def decision_id(topic: str, partition: int, offset: int, epoch: int) -> str:
    """Return the id of the decision on the transaction at a source position, under an assignment of roles.

    >>> decision_id("transactions", 3, 17, 2)
    'transactions/3/17@2'
    """
    return f"{topic}/{partition}/{offset}@{epoch}"


def parse_decision_id(text: str) -> DecisionId | None:
    """Return the parts of a decision id, or None if the text is not a decision id.

    >>> parse_decision_id("transactions/3/17@2")
    DecisionId(topic='transactions', partition=3, offset=17, role_epoch=2)
    """
    match = _FORM.fullmatch(text)
    return DecisionId(match[1], int(match[2]), int(match[3]), int(match[4])) if match else None


def with_source_position(
    decision: Decision, shadows: Sequence[ShadowScore], partition: int, offset: int
) -> tuple[Decision, list[ShadowScore]]:
    """Return a decision and its shadow scores with the source position filled in.

    The HTTP edge decides first and writes the transaction afterwards, so the position is known only after the decision.

    Args:
        decision: Decision without a source position.
        shadows: Shadow scores for the same transaction.
        partition: Partition to which the transaction was written.
        offset: Offset at which the transaction was written.
    """
    name = decision_id(decision.source_topic, partition, offset, decision.role_epoch)
    positioned = replace(decision, decision_id=name, source_partition=partition, source_offset=offset)
    return positioned, [replace(shadow, decision_id=name) for shadow in shadows]

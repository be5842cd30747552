"""Recomputes one decision from its transaction, the roles at the time and its bundle."""

from typing import Any

import msgspec

from schemas.errors import DataError
from schemas.messages import Decision
from stream.control.role_reader import all_roles
from stream.kafka.topic_range import read_one
from stream.replay.difference import differences
from stream.replay.rescore import HistoricalScorers, rescore
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings


def read_decision(raw: bytes) -> Decision:
    """Decode a decision from JSON.

    Raises:
        DataError: If the bytes are not a decision.
    """
    try:
        return msgspec.json.decode(raw, type=Decision)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"not a decision ({error}); save one line of: fraud-stream tail decisions") from error


def verify(settings: Settings, then: Decision) -> dict[str, tuple[Any, Any]]:
    """Recompute a decision, and return the original and the recomputed value of each field that differs.

    Raises:
        DataError: If the transaction is no longer on its topic, or is rejected.
        KafkaError: If no broker responds, or a topic is missing.
        RolesError: If the roles in the decision's epoch are unknown.
        BundleError: If a bundle from that epoch is no longer in the store, or has changed.
    """
    raw = read_one(settings.kafka, then.source_topic, then.source_partition, then.source_offset)
    updates = all_roles(settings.kafka, settings.topic)
    scorer = HistoricalScorers(settings, {update.epoch: update for update in updates}).scorer_of(then)
    scored = rescore(scorer, RawBatch(then.source_topic, [raw], [then.source_partition], [then.source_offset]))
    if scored.refusals:
        raise DataError(f"the transaction is rejected ({scored.refusals[0].detail}), so it cannot have been decided")
    return differences(then, scored.decisions[0])

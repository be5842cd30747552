"""One decision recomputed from its transaction, its roles and its bundle."""

from typing import Any

import msgspec

from schemas.errors import DataError
from schemas.messages import Decision
from stream.control.role_reader import all_roles
from stream.kafka.topic_range import read_one
from stream.replay.difference import differences
from stream.replay.rescore import RolesOfThen, rescore
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings


def read_decision(raw: bytes) -> Decision:
    """Read a decision from its JSON.

    Raises:
        DataError: If it is none.
    """
    try:
        return msgspec.json.decode(raw, type=Decision)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"no decision ({error}); save one line of: fraud-stream tail decisions") from error


def verify(settings: Settings, then: Decision) -> dict[str, tuple[Any, Any]]:
    """Decide again; return by field what the decision says and what is right, where they differ.

    Raises:
        DataError: If the transaction is not there any more, or is refused.
        KafkaError: If no broker answers, or a topic is not there.
        RolesError: If the roles of then are not known.
        BundleError: If a bundle of then is there no more, or has changed.
    """
    raw = read_one(settings.kafka, then.source_topic, then.source_partition, then.source_offset)
    scorer = RolesOfThen(settings, {update.epoch: update for update in all_roles(settings)}).scorer_of(then)
    scored = rescore(scorer, RawBatch(then.source_topic, [raw], [then.source_partition], [then.source_offset]))
    if scored.refusals:
        raise DataError(f"its transaction is refused: {scored.refusals[0].detail}; it was never decided so")
    return differences(then, scored.decisions[0])

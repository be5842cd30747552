"""The four kinds of messages the ledger keeps: on which topic, decoded how, in which table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Table

from schemas.message_codec import MessageCodec
from schemas.messages import Decision, Label, ModelUpdate, ShadowScore, encode
from stream.ledger.tables import decisions, labels, role_changes, shadow_scores
from stream.settings import Settings

MessageT = TypeVar("MessageT", bound=msgspec.Struct)
Row = dict[str, Any]

_reasons = msgspec.json.Encoder()


@dataclass(frozen=True)
class Kind(Generic[MessageT]):
    """One kind of message.

    Attributes:
        name: As in metrics.
        topic: Its topic's name.
        table: Where its rows go.
        order: Of two rows with one key, the smaller in these columns is kept.
        codec: Bytes to message.
        columns: Message to the columns that are its own.
    """

    name: str
    topic: str
    table: Table
    order: tuple[str, ...]
    codec: MessageCodec[MessageT]
    columns: Callable[[MessageT], Row]

    def row(self, raw: bytes | None, partition: int, offset: int, now_ms: int) -> Row:
        """Decode a message into a row.

        Args:
            raw: Its value.
            partition: Its place on its topic.
            offset: Likewise.
            now_ms: Ingest time, UTC milliseconds.

        Raises:
            RefusedMessageError: With the reason for the dead letter.
        """
        row = self.columns(self.codec.decode(raw))
        row["topic_partition"] = partition
        row["topic_offset"] = offset
        row["ingested_at_ms"] = now_ms
        row["repeats"] = 0
        return row


_PLACE = ("topic_partition", "topic_offset")
#: The transaction that was read first counts, and of its decisions the first that was written.
_SOURCE = ("source_topic", "source_partition", "source_offset", *_PLACE)


def all_kinds(settings: Settings) -> Sequence[Kind[Any]]:
    """Return the four kinds under their topics' names."""
    return (
        Kind("decisions", settings.topic.decisions, decisions, _SOURCE, MessageCodec(Decision), _decision),
        Kind("shadow_scores", settings.topic.shadow_scores, shadow_scores, _SOURCE, MessageCodec(ShadowScore), _shadow),
        Kind("labels", settings.topic.labels, labels, _PLACE, MessageCodec(Label), _own),
        Kind("role_changes", settings.topic.model_updates, role_changes, _PLACE, MessageCodec(ModelUpdate), _change),
    )


def _own(message: msgspec.Struct) -> Row:
    row = msgspec.structs.asdict(message)
    del row["schema_version"]
    return row


def _decision(decision: Decision) -> Row:
    row = _own(decision)
    row["reasons"] = _reasons.encode(decision.reasons).decode() if decision.reasons else "[]"
    return row


def _shadow(shadow: ShadowScore) -> Row:
    row = _own(shadow)
    # `topic/partition/offset@epoch`; anything else sorts as it stands.
    topic, partition, offset = shadow.decision_id, 0, 0
    parts = shadow.decision_id.rpartition("@")[0].split("/")
    if len(parts) == 3 and all(part.isdecimal() and len(part) < 19 for part in parts[1:]):  # noqa: PLR2004 - the three
        topic, partition, offset = parts[0], int(parts[1]), int(parts[2])
    row["source_topic"], row["source_partition"], row["source_offset"] = topic, partition, offset
    return row


def _change(update: ModelUpdate) -> Row:
    return {
        "epoch": update.epoch,
        "champion_name": update.champion.name,
        "champion_version": update.champion.version,
        "champion_sha256": update.champion.sha256,
        "author": update.author,
        "note": update.note,
        "written_at_ms": update.written_at_ms,
        "body": encode(update).decode(),
    }

"""The four kinds of messages that the ledger keeps: topic, codec and table of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Table

from schemas.message_codec import MessageCodec
from schemas.messages import Decision, Label, ModelUpdate, ShadowScore, encode
from stream.ledger.tables import decisions, labels, role_changes, shadow_scores
from stream.scoring.decision_id import parse_decision_id
from stream.settings import TopicSettings

MessageT = TypeVar("MessageT", bound=msgspec.Struct)
Row = dict[str, Any]

_reasons = msgspec.json.Encoder()


@dataclass(frozen=True)
class MessageKind(Generic[MessageT]):
    """One kind of message that the ledger keeps.

    Attributes:
        name: Name of the kind, used in metrics and as the table's name.
        topic: Name of the kind's topic.
        table: Table that receives the kind's rows.
        order: Columns to compare; of two rows with the same key, the smaller row is kept.
        codec: Decoder of the kind's messages.
        columns: Function that takes a message and returns the columns that come from it.
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
            raw: Value of the message.
            partition: Partition of the message.
            offset: Offset of the message.
            now_ms: Ingest time, UTC milliseconds.

        Raises:
            RefusedMessageError: If the message is not valid; carries the reason for the dead letter.
        """
        row = self.columns(self.codec.decode(raw))
        row["topic_partition"] = partition
        row["topic_offset"] = offset
        row["ingested_at_ms"] = now_ms
        row["repeats"] = 0
        return row


_POSITION = ("topic_partition", "topic_offset")
#: Order that keeps the row for a transaction's first position and, of several rows for it, the row that was written
#: first.
_SOURCE = ("source_topic", "source_partition", "source_offset", *_POSITION)


def all_message_kinds(topics: TopicSettings) -> Sequence[MessageKind[Any]]:
    """Return the four kinds of messages, with the topic names from the settings."""
    return (
        MessageKind("decisions", topics.decisions, decisions, _SOURCE, MessageCodec(Decision), _decision_columns),
        MessageKind(
            "shadow_scores",
            topics.shadow_scores,
            shadow_scores,
            _SOURCE,
            MessageCodec(ShadowScore),
            _shadow_columns,
        ),
        MessageKind("labels", topics.labels, labels, _POSITION, MessageCodec(Label), _message_columns),
        MessageKind(
            "role_changes",
            topics.model_updates,
            role_changes,
            _POSITION,
            MessageCodec(ModelUpdate),
            _role_change_columns,
        ),
    )


def _message_columns(message: msgspec.Struct) -> Row:
    row = msgspec.structs.asdict(message)
    del row["schema_version"]
    return row


def _decision_columns(decision: Decision) -> Row:
    row = _message_columns(decision)
    row["reasons"] = _reasons.encode(decision.reasons).decode() if decision.reasons else "[]"
    return row


def _shadow_columns(shadow: ShadowScore) -> Row:
    row = _message_columns(shadow)
    source = parse_decision_id(shadow.decision_id)
    # If the id has another form, the whole id serves as the topic, so that the row can still be sorted.
    row["source_topic"] = source.topic if source else shadow.decision_id
    row["source_partition"] = source.partition if source else 0
    row["source_offset"] = source.offset if source else 0
    return row


def _role_change_columns(update: ModelUpdate) -> Row:
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

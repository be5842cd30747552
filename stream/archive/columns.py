"""The archive's columns, and a decoder for those that messages are filtered by."""

from typing import ClassVar

import msgspec
import pyarrow as pa

from schemas.messages import EventTimeMs, Identifier

#: The unchanged message with its position, and columns to filter by, which are null if the message cannot be decoded.
SCHEMA = pa.schema(
    [
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        # Kafka's timestamp, UTC milliseconds.
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("transaction_id", pa.string()),
        # Null for labels.
        pa.field("card_id", pa.string()),
        pa.field("event_time_ms", pa.int64()),
    ]
)


class _WithCard(msgspec.Struct, gc=False):
    """Fields decoded from transactions and decisions."""

    transaction_id: Identifier
    card_id: Identifier
    event_time_ms: EventTimeMs


class _WithoutCard(msgspec.Struct, gc=False):
    """Fields decoded from labels."""

    transaction_id: Identifier
    event_time_ms: EventTimeMs
    card_id: ClassVar[None] = None


_WITH_CARD = msgspec.json.Decoder(_WithCard)
_DECODERS: dict[str, msgspec.json.Decoder[_WithCard] | msgspec.json.Decoder[_WithoutCard]] = {
    "transactions": _WITH_CARD,
    "transactions-http": _WITH_CARD,
    "decisions": _WITH_CARD,
    "labels": msgspec.json.Decoder(_WithoutCard),
}

FilterColumns = tuple[str | None, str | None, int | None]


def filter_columns(kind: str, value: bytes | None) -> FilterColumns:
    """Return a message's transaction_id, card_id and event_time_ms; None for all three if undecodable.

    Only these fields are validated, because they are used to find a message, not to check that the message is valid.
    """
    try:
        message = _DECODERS[kind].decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None, None
    return message.transaction_id, message.card_id, message.event_time_ms

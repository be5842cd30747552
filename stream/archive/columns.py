"""The archive's columns, and how a message becomes a row."""

from typing import ClassVar

import msgspec
import pyarrow as pa

from schemas.messages import EventTimeMs, Identifier

#: The message as it was, with its place; and beside it what one filters by, null where it cannot be decoded.
SCHEMA = pa.schema(
    [
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        # Kafka's own, UTC milliseconds.
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("transaction_id", pa.string()),
        # Labels have none.
        pa.field("card_id", pa.string()),
        pa.field("event_time_ms", pa.int64()),
    ]
)


class _Card(msgspec.Struct, gc=False):
    """What transactions and decisions have in common."""

    transaction_id: Identifier
    card_id: Identifier
    event_time_ms: EventTimeMs


class _Label(msgspec.Struct, gc=False):
    transaction_id: Identifier
    event_time_ms: EventTimeMs
    card_id: ClassVar[None] = None


_CARD = msgspec.json.Decoder(_Card)
_DECODERS: dict[str, msgspec.json.Decoder[_Card] | msgspec.json.Decoder[_Label]] = {
    "transactions": _CARD,
    "transactions-http": _CARD,
    "decisions": _CARD,
    "labels": msgspec.json.Decoder(_Label),
}

Named = tuple[str | None, str | None, int | None]


def named(kind: str, value: bytes | None) -> Named:
    """Return a message's transaction_id, card_id and event_time_ms; None for all where it cannot be decoded.

    This says how to find a message, not whether it is a good one: the rest of it is not looked at.
    """
    try:
        found = _DECODERS[kind].decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None, None
    return found.transaction_id, found.card_id, found.event_time_ms

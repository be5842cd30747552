"""Dead letters: rejected messages, each with the reason for the rejection and the message's source position.

A message that was sent again carries two headers. They are read only when a message is rejected: the dead letter
repeats the number of times it was sent, so that a message that can never be accepted is not sent again for ever.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from schemas.errors import DeadLetterReason
from schemas.messages import DeadLetter, encode
from stream.kafka.batch import Batch

#: Maximum bytes of an original message that a dead letter can carry: their base64 must fit the topic's limit of 4 MiB.
MAX_ORIGINAL_BYTES = 2 * 1024 * 1024
#: Bytes to keep of a larger original, and of any key: a key that made its dead letter too large could never be sent.
TRUNCATED_BYTES = 64 * 1024
#: Header of a message that was sent again: topic, partition and offset of its dead letter.
REPLAYED_FROM_HEADER = "fraud-replayed-from"
#: Header of a message that was sent again: how many times it has been, as decimal digits.
REPLAYS_HEADER = "fraud-replays"
#: Maximum number of digits to accept in that header.
MAX_DIGITS = 9


def dead_letter_row(batch: Batch, index: int, reason: DeadLetterReason, detail: str, now_ms: int) -> dict[str, Any]:
    """Return the dead letter of one message, as a row for `Producer.produce_batch`.

    Args:
        batch: Batch that contains the rejected message.
        index: Index of the message in the batch.
        reason: Reason why the message was rejected.
        detail: Human-readable explanation, without any of the sender's values.
        now_ms: Time of the rejection in UTC milliseconds.
    """
    raw = batch.raw
    message, value = batch.messages[index], raw.values[index]
    key = message.key()
    size = len(value or b"")
    too_large = size > MAX_ORIGINAL_BYTES
    kept_key = key[:TRUNCATED_BYTES] if key else key
    dead_letter = DeadLetter(
        reason=reason,
        detail=detail,
        source_topic=raw.topic,
        source_partition=raw.partitions[index],
        source_offset=raw.offsets[index],
        key=kept_key,
        value=value[:TRUNCATED_BYTES] if too_large and value else value,
        value_size=size,
        value_sha256=hashlib.sha256(value or b"").hexdigest(),
        truncated=too_large or kept_key != key,
        refused_at_ms=now_ms,
        replays=_replays(message.headers()),
    )
    return {"key": kept_key, "value": encode(dead_letter)}


def _replays(headers: Sequence[tuple[str, bytes | None]] | None) -> int:
    """Return the number of times that a message was sent again; 0 if the header is missing or invalid."""
    digits = dict(headers or ()).get(REPLAYS_HEADER)  # of several headers with this name, the last
    return int(digits) if digits and digits.isdigit() and len(digits) <= MAX_DIGITS else 0

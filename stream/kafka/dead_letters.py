"""Dead letters: refused messages with their origin."""

import hashlib
from typing import Any

from schemas.errors import DeadLetterReason
from schemas.messages import DeadLetter, encode
from stream.kafka.batch import Batch

#: Bytes of the original that a dead letter can carry: base64 of it must fit the topic's 4 MiB limit.
MAX_ORIGINAL_BYTES = 2 * 1024 * 1024
#: Bytes kept of a larger one, and of any key: a key that made its dead letter too large would never be settled.
TRUNCATED_BYTES = 64 * 1024


def letter_row(batch: Batch, place: int, reason: DeadLetterReason, detail: str, now_ms: int) -> dict[str, Any]:
    """Return the dead letter of message `place` of a batch, as `Producer.produce_batch` takes it.

    Args:
        batch: That the message was read in.
        place: Its index there.
        reason: Why it is refused.
        detail: The same in words, without the sender's values.
        now_ms: UTC milliseconds of the refusal.
    """
    incoming = batch.incoming
    key, value = batch.messages[place].key(), incoming.values[place]
    size = len(value or b"")
    too_large = size > MAX_ORIGINAL_BYTES
    kept_key = key[:TRUNCATED_BYTES] if key else key
    letter = DeadLetter(
        reason=reason,
        detail=detail,
        source_topic=incoming.topic,
        source_partition=incoming.partitions[place],
        source_offset=incoming.offsets[place],
        key=kept_key,
        value=value[:TRUNCATED_BYTES] if too_large and value else value,
        value_size=size,
        value_sha256=hashlib.sha256(value or b"").hexdigest(),
        truncated=too_large or kept_key != key,
        refused_at_ms=now_ms,
    )
    return {"key": kept_key, "value": encode(letter)}

"""Dead letters as a program writes them."""

import hashlib
import time
from typing import Any

import msgspec

from schemas.errors import DeadLetterReason
from schemas.messages import DeadLetter, encode
from stream.settings import Settings
from tests.support.topics import produce_all


def dead_letter(offset: int = 0, value: bytes | None = b"{}", **overrides: Any) -> DeadLetter:
    """Return the dead letter of a message that was read from this offset of partition 0 of the topic `transactions`."""
    made = DeadLetter(
        reason=DeadLetterReason.MISSING_FEATURE,
        detail="feature V3 is missing",
        source_topic="transactions",
        source_partition=0,
        source_offset=offset,
        key=b"card",
        value=value,
        value_size=len(value or b""),
        value_sha256=hashlib.sha256(value or b"").hexdigest(),
        truncated=False,
        refused_at_ms=time.time_ns() // 1_000_000,
    )
    return msgspec.structs.replace(made, **overrides)


def send_dead_letters(settings: Settings, *dead_letters: DeadLetter, partition: int = -1) -> None:
    """Write dead letters, to a single partition if one is given."""
    rows = [(each.key, encode(each)) for each in dead_letters]
    produce_all(settings.kafka.bootstrap, settings.topic.dead_letters, rows, partition=partition)

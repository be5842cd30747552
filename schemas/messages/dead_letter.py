"""Rejected messages on the topic `dead-letters`."""

from typing import Literal

from msgspec import Struct

from schemas.errors import DeadLetterReason
from schemas.messages.fields import Sha256


class DeadLetter(Struct, frozen=True):
    """A rejected message with its source position, so that the message can be inspected and sent again."""

    reason: DeadLetterReason
    detail: str
    source_topic: str
    source_partition: int
    source_offset: int
    #: Original key and value, base64. A key, or a value above the topic's size limit, is cut to its first 64 KiB.
    key: bytes | None
    value: bytes | None
    value_size: int
    value_sha256: Sha256
    truncated: bool
    refused_at_ms: int
    schema_version: Literal[1] = 1

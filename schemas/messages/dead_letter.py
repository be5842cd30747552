"""Rejected messages on the topic `dead-letters`, and on `dead-letter-replays` the record of those sent again."""

from typing import Literal

from msgspec import Struct

from schemas.errors import DeadLetterReason
from schemas.messages.fields import Count, Sha256


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
    #: Number of times that the message had been sent again before this rejection, from its header `fraud-replays`.
    replays: Count = 0
    schema_version: Literal[1] = 1


class DeadLetterReplay(Struct, frozen=True):
    """A record that a dead letter's message was sent again, written in the same Kafka transaction as the message."""

    #: Position of the dead letter on its own topic.
    partition: int
    offset: int
    #: Position and hash of the rejected message. The hash tells messages apart if the topic was recreated.
    source_topic: str
    source_partition: int
    source_offset: int
    value_sha256: Sha256
    #: Number of times that the message has been sent again, including this time.
    replays: Count
    sent_at_ms: int
    schema_version: Literal[1] = 1

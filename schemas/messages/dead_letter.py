"""Rejected messages on the topic `dead-letters`, and on `dead-letter-replays` the record of those sent again."""

from typing import Literal

from msgspec import Struct

from schemas.errors import DeadLetterReason
from schemas.messages.fields import Count, Sha256


class DeadLetter(Struct, frozen=True):
    """A rejected message with its source position, so that the message can be inspected and sent again."""

    #: Reason for the rejection.
    reason: DeadLetterReason
    #: What was wrong, in one line.
    detail: str
    #: Topic of the rejected message.
    source_topic: str
    #: Partition of the rejected message.
    source_partition: int
    #: Offset of the rejected message.
    source_offset: int
    #: Original key, base64; None if the message had none. A key longer than 64 KiB is cut to its first 64 KiB.
    key: bytes | None
    #: Original value, base64; None if the message had none. A value larger than 2 MiB is cut to its first 64 KiB.
    value: bytes | None
    #: Size of the original value in bytes.
    value_size: int
    #: SHA-256 of the whole original value.
    value_sha256: Sha256
    #: Whether the key or the value was cut.
    truncated: bool
    #: UTC milliseconds at which the message was rejected.
    refused_at_ms: int
    #: Number of times that the message had been sent again before this rejection, from its header `fraud-replays`.
    replays: Count = 0
    #: Version of the message's format.
    schema_version: Literal[1] = 1


class DeadLetterReplay(Struct, frozen=True):
    """A record that a dead letter's message was sent again, written in the same Kafka transaction as the message."""

    #: Partition of the dead letter.
    partition: int
    #: Offset of the dead letter.
    offset: int
    #: Topic of the rejected message.
    source_topic: str
    #: Partition of the rejected message.
    source_partition: int
    #: Offset of the rejected message.
    source_offset: int
    #: SHA-256 of the rejected message's value, which tells messages apart if the topic was recreated.
    value_sha256: Sha256
    #: Number of times that the message has been sent again, including this time.
    replays: Count
    #: UTC milliseconds at which the message was sent again.
    sent_at_ms: int
    #: Version of the message's format.
    schema_version: Literal[1] = 1

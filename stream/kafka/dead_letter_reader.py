"""Read dead letters, and the record of those that were sent again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from schemas.errors import DataError, DeadLetterReason
from schemas.messages import DeadLetter, DeadLetterReplay
from stream.kafka.topic_range import TopicRange, read_one, read_range
from stream.settings import KafkaSettings, TopicSettings

#: A rejected message: its topic, partition, offset and SHA-256. Its dead letter may be repeated.
MessageIdentity = tuple[str, int, int, str]

_dead_letters = msgspec.json.Decoder(DeadLetter)
_replays = msgspec.json.Decoder(DeadLetterReplay)


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter, with its partition and offset on the topic of dead letters."""

    partition: int
    offset: int
    content: DeadLetter

    @property
    def id(self) -> str:
        """Partition and offset, as the commands print and accept them."""
        return f"{self.partition}/{self.offset}"

    @property
    def message(self) -> MessageIdentity:
        """The rejected message."""
        content = self.content
        return content.source_topic, content.source_partition, content.source_offset, content.value_sha256


@dataclass(frozen=True)
class DeadLetterFilter:
    """Selects dead letters.

    Attributes:
        rejected: Range of the time of rejection.
        reasons: Reasons to select; empty for all reasons.
        topic: Source topic to select; None for all topics.
    """

    rejected: TopicRange = field(default_factory=TopicRange)
    reasons: frozenset[DeadLetterReason] = frozenset()
    topic: str | None = None

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return whether time of rejection, reason and source topic match."""
        if not self.rejected.contains(dead_letter.refused_at_ms):
            return False
        if self.reasons and dead_letter.reason not in self.reasons:
            return False
        return self.topic is None or dead_letter.source_topic == self.topic


def read_dead_letters(
    kafka: KafkaSettings,
    topics: TopicSettings,
    selection: DeadLetterFilter,
    on_unreadable: Callable[[str], None] = lambda _: None,
) -> Iterator[StoredDeadLetter]:
    """Yield the matching dead letters that exist now, in order within each partition.

    Args:
        kafka: Kafka connection.
        topics: Topic names.
        selection: Dead letters to yield.
        on_unreadable: Called with the id of each message that is not a dead letter that this version can read.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
    """
    # A dead letter is written after the rejection, or much later if the topic was restored from a copy: the range has a
    # start here, but no end.
    for batch in read_range(kafka, topics.dead_letters, TopicRange(selection.rejected.start_ms)):
        for value, partition, offset in zip(batch.values, batch.partitions, batch.offsets, strict=True):
            try:
                content = _dead_letters.decode(value or b"")
            except (msgspec.DecodeError, UnicodeDecodeError):
                on_unreadable(f"{partition}/{offset}")
                continue
            if selection.matches(content):
                yield StoredDeadLetter(partition, offset, content)


def read_dead_letter(kafka: KafkaSettings, topics: TopicSettings, partition: int, offset: int) -> StoredDeadLetter:
    """Return a single dead letter.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
        DataError: If there is no such message, or it is not a dead letter that this version can read.
    """
    value = read_one(kafka, topics.dead_letters, partition, offset)
    try:
        return StoredDeadLetter(partition, offset, _dead_letters.decode(value or b""))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"{topics.dead_letters}/{partition}/{offset} is not a dead letter that this version can read ({error}); "
            "if a newer version wrote it, upgrade this program"
        ) from None


def read_replays(kafka: KafkaSettings, topics: TopicSettings) -> dict[MessageIdentity, int]:
    """Return the messages that were sent again, with the time in UTC milliseconds.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
        DataError: If a record cannot be read, so that its message could be sent again twice.
    """
    sent: dict[MessageIdentity, int] = {}
    for batch in read_range(kafka, topics.dead_letter_replays, TopicRange()):
        for value, offset in zip(batch.values, batch.offsets, strict=True):
            try:
                replay = _replays.decode(value or b"")
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DataError(
                    f"{topics.dead_letter_replays}/0/{offset} cannot be read ({error}), so it is unknown what was sent "
                    "again already; if a newer version wrote it, upgrade this program"
                ) from None
            message = (replay.source_topic, replay.source_partition, replay.source_offset, replay.value_sha256)
            sent[message] = replay.sent_at_ms
    return sent

"""A batch of messages, with the state that was recorded when the batch was read and is needed to commit it."""

from dataclasses import dataclass
from typing import Any

from confluent_kafka import TopicPartition

from stream.scoring.raw_batch import RawBatch


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages read together, to be committed together or not at all.

    Attributes:
        messages: The confluent_kafka messages, which provide keys and timestamps.
        raw: Values and source positions of the messages, for the scorer.
        metadata: Proof, at commit time, that this member owned the partitions when it read them: the consumer's group
            metadata, or for each partition the claim in an offset store. Fresh metadata at commit time would let a
            worker commit offsets of partitions that have moved to another worker.
        epoch: The source's epoch when the batch was read. If the source's epoch has risen since then, the batch is
            stale.
        start: For each partition, the next offset to read before the batch was read; absent right after an assignment
            or a rewind.
        end: For each partition, the offset after the batch's last message, which is the offset to commit.
        read_at: Time at which the batch was read, in `time.monotonic()` seconds.
    """

    messages: list[Any]
    raw: RawBatch
    metadata: Any
    epoch: int
    start: dict[int, int]
    end: dict[int, int]
    read_at: float

    @property
    def first(self) -> dict[int, int]:
        """For each partition, the offset of the batch's first message."""
        return dict(zip(reversed(self.raw.partitions), reversed(self.raw.offsets), strict=True))

    @property
    def offsets(self) -> list[TopicPartition]:
        """The offsets to commit for this batch."""
        return [TopicPartition(self.raw.topic, partition, end) for partition, end in self.end.items()]

    def __len__(self) -> int:
        return len(self.messages)

"""A batch of messages, with the state at the time of reading that its commit needs."""

from dataclasses import dataclass
from typing import Any

from confluent_kafka import TopicPartition

from stream.scoring.raw_batch import RawBatch


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages read together, to be committed together or not at all.

    Attributes:
        messages: confluent_kafka messages, for keys and timestamps.
        raw: Their values and source positions, for the scorer.
        metadata: Proof, at commit time, that this member owned the partitions when it read them: the consumer's group
            metadata, or by partition the claim on an offset store. Fresh metadata at commit time would let a worker
            commit partitions that have moved to another.
        epoch: The source's epoch at the time of reading; a batch of an earlier epoch than the source's is stale.
        start: By partition, the position before the batch; absent right after an assignment or a rewind.
        end: By partition, the offset after its last message, which is what is committed.
        read_at: Time of reading, in `time.monotonic()` seconds.
    """

    messages: list[Any]
    raw: RawBatch
    metadata: Any
    epoch: int
    start: dict[int, int]
    end: dict[int, int]
    read_at: float

    @property
    def offsets(self) -> list[TopicPartition]:
        """The offsets to commit."""
        return [TopicPartition(self.raw.topic, partition, end) for partition, end in self.end.items()]

    def __len__(self) -> int:
        return len(self.messages)

"""A batch as it was read, with what was true at that moment."""

from dataclasses import dataclass
from typing import Any

from confluent_kafka import TopicPartition

from stream.scoring.raw_batch import RawBatch


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages read together, to be committed together or not at all.

    Attributes:
        messages: confluent_kafka messages, for the keys of dead letters.
        incoming: Their bytes and places, for the scorer.
        metadata: What proves, when they are committed, that their partitions were ours when they were read: the
            consumer's group metadata, or by partition the claim on an offset store. Fresh metadata at commit time would
            let a worker commit partitions that have moved to another.
        epoch: The source's epoch when they were read; an older one than the source's is stale.
        start: By partition, where reading stood before the batch; absent just after an assignment or a rewind.
        end: By partition, the offset after its last message: what is committed.
        read_at: `time.monotonic()` seconds.
    """

    messages: list[Any]
    incoming: RawBatch
    metadata: Any
    epoch: int
    start: dict[int, int]
    end: dict[int, int]
    read_at: float

    @property
    def offsets(self) -> list[TopicPartition]:
        """What is consumed once the batch is committed."""
        return [TopicPartition(self.incoming.topic, partition, end) for partition, end in self.end.items()]

    def __len__(self) -> int:
        return len(self.messages)

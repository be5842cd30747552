"""The scorer's input: raw messages with their source positions, and the time at which they are scored."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Messages from one topic that have not been decoded yet.

    Attributes:
        topic: Topic that the messages come from.
        values: n message values; None for a message without a value.
        partitions: n source partitions.
        offsets: n source offsets.
    """

    topic: str
    values: Sequence[bytes | None]
    partitions: Sequence[int]
    offsets: Sequence[int]

    def slice(self, start: int, stop: int) -> "RawBatch":
        """Return the messages from index `start` up to, but not including, `stop`."""
        return RawBatch(self.topic, self.values[start:stop], self.partitions[start:stop], self.offsets[start:stop])

    def take(self, indices: Sequence[int]) -> "RawBatch":
        """Return the messages at these indices, in the order of the indices."""
        return RawBatch(
            self.topic,
            [self.values[i] for i in indices],
            [self.partitions[i] for i in indices],
            [self.offsets[i] for i in indices],
        )


@dataclass(frozen=True, slots=True)
class ScoringTime:
    """Time at which a batch is scored, and its latency so far, for the envelope of each decision.

    Attributes:
        scored_at_ms: Time at which the batch is scored, UTC milliseconds.
        latency_ms: Time since the batch was read, in milliseconds.
    """

    scored_at_ms: int
    latency_ms: float

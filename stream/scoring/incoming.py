"""What the scorer is given: bytes, where they came from, and when."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incoming:
    """A batch of messages of one topic; `partitions` and `offsets` run beside `values`."""

    topic: str
    values: Sequence[bytes | None]
    partitions: Sequence[int]
    offsets: Sequence[int]

    def part(self, start: int, stop: int) -> "Incoming":
        """Return messages start … stop-1."""
        return Incoming(self.topic, self.values[start:stop], self.partitions[start:stop], self.offsets[start:stop])

    def at(self, places: Sequence[int]) -> "Incoming":
        """Return the messages at these indices."""
        return Incoming(
            self.topic,
            [self.values[i] for i in places],
            [self.partitions[i] for i in places],
            [self.offsets[i] for i in places],
        )


@dataclass(frozen=True, slots=True)
class Moment:
    """The envelope's clock: UTC milliseconds of scoring, and milliseconds since the batch was read."""

    scored_at_ms: int
    latency_ms: float

"""Reading back what the worker sent, as a consumer of committed data sees it."""

import time
from collections import Counter

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.messages import Decision, ShadowScore
from stream.kafka.clients import consumer_config
from stream.runtime.background import Background
from stream.settings import Settings

#: Seconds without anything new after which what has not come is missing.
QUIET_S = 20.0

_decision = msgspec.json.Decoder(Decision)
_shadow_score = msgspec.json.Decoder(ShadowScore)


class Collector(Background):
    """Collects decisions, shadow scores and dead letters on a thread of its own.

    Attributes:
        decisions: Raw bytes in order of arrival.
        arrived_ns: `time.monotonic_ns()` of each.
        shadow_scores: Raw bytes.
        dead_letters: How many.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("collector")
        topics = (settings.topic.decisions, settings.topic.shadow_scores, settings.topic.dead_letters)
        self._decisions_topic, self._shadow_topic, _ = topics
        self._consumer = Consumer(consumer_config(settings.kafka) | {"group.id": "demo-collector"})
        partitions = range(settings.topic.partitions)
        self._consumer.assign([TopicPartition(t, p, OFFSET_BEGINNING) for t in topics for p in partitions])
        self.decisions: list[bytes] = []
        self.arrived_ns: list[int] = []
        self.shadow_scores: list[bytes] = []
        self.dead_letters = 0

    def stop(self) -> None:
        """Stop reading."""
        super().stop()
        self._consumer.close()

    def wait(self, settled: int, shadow_scores: int) -> None:
        """Wait until so many are settled (decided or refused) and scored in the shadow, or nothing new comes."""
        last, last_change = (-1, -1), time.monotonic()
        while last[0] < settled or last[1] < shadow_scores:
            time.sleep(0.02)
            now = (len(self.decisions) + self.dead_letters, len(self.shadow_scores))
            if now != last:
                last, last_change = now, time.monotonic()
            elif time.monotonic() - last_change > QUIET_S:
                return

    def decoded(self) -> list[Decision]:
        """Return the decisions read so far."""
        return [_decision.decode(raw) for raw in self.decisions]

    def decoded_shadow_scores(self) -> list[ShadowScore]:
        """Return the shadow scores read so far."""
        return [_shadow_score.decode(raw) for raw in self.shadow_scores]

    def _run(self) -> None:
        while not self._stopping.is_set():
            messages = [m for m in self._consumer.consume(2000, 0.005) if m.error() is None]
            now = time.monotonic_ns()
            for message in messages:
                topic = message.topic()
                if topic == self._decisions_topic:
                    self.decisions.append(message.value() or b"")
                    self.arrived_ns.append(now)
                elif topic == self._shadow_topic:
                    self.shadow_scores.append(message.value() or b"")
                else:
                    self.dead_letters += 1


def repeated(decisions: list[Decision]) -> int:
    """Return how many decisions are one too many for their transaction."""
    counts = Counter(decision.transaction_id for decision in decisions)
    return sum(count - 1 for count in counts.values())

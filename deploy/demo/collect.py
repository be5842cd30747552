"""A consumer of the worker's committed output."""

import time
from collections import Counter

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.messages import Decision, ShadowScore
from stream.kafka.clients import consumer_config
from stream.runtime.background import Background
from stream.settings import Settings

#: Seconds without a new message after which outstanding messages count as missing.
IDLE_S = 20.0

_decision = msgspec.json.Decoder(Decision)
_shadow_score = msgspec.json.Decoder(ShadowScore)


class Collector(Background):
    """Collects decisions, shadow scores and dead letters on its own thread.

    Attributes:
        decisions: Encoded decisions in order of arrival.
        arrived_ns: `time.monotonic_ns()` at which each decision arrived.
        shadow_scores: Encoded shadow scores.
        dead_letters: Number of dead letters.
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
        """Stop reading and close the consumer."""
        super().stop()
        self._consumer.close()

    def wait(self, settled: int, shadow_scores: int) -> None:
        """Wait until the expected messages have arrived, or until no message has arrived for `IDLE_S` seconds.

        Args:
            settled: Number of decisions and dead letters to wait for.
            shadow_scores: Number of shadow scores to wait for.
        """
        counts, last_change = (-1, -1), time.monotonic()
        while counts[0] < settled or counts[1] < shadow_scores:
            time.sleep(0.02)
            current = (len(self.decisions) + self.dead_letters, len(self.shadow_scores))
            if current != counts:
                counts, last_change = current, time.monotonic()
            elif time.monotonic() - last_change > IDLE_S:
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
    """Return the number of repeated decisions, that is, decisions other than the first on a transaction."""
    counts = Counter(decision.transaction_id for decision in decisions)
    return sum(count - 1 for count in counts.values())

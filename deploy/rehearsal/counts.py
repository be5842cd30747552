"""Counts the committed decisions on each transaction of a rehearsal."""

from collections import Counter

import msgspec
from confluent_kafka import Consumer, TopicPartition

from stream.kafka.clients import consumer_config
from stream.kafka.topics import partitions_of
from stream.runtime.background import Background
from stream.settings import Settings


class _Id(msgspec.Struct):
    transaction_id: str


_decode = msgspec.json.Decoder(_Id).decode


class DecisionCounts(Background):
    """Reads the decisions topic from its start, on a thread of its own.

    Args:
        settings: Kafka connection and topic name.

    Attributes:
        by_transaction: Number of committed decisions on each transaction.
        dead_letters: Number of dead letters.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("decision-counts")
        self._topics = settings.topic
        options = {"group.id": f"{settings.kafka.group}-rehearsal", "enable.partition.eof": False}
        self._consumer = Consumer(consumer_config(settings.kafka) | options)
        self._consumer.assign(
            [
                TopicPartition(topic, partition, 0)
                for topic in (settings.topic.decisions, settings.topic.dead_letters)
                for partition in partitions_of(self._consumer, settings.kafka, topic)
            ]
        )
        self.by_transaction: Counter[str] = Counter()
        self.dead_letters = 0

    def stop(self) -> None:
        """Stop reading and close the consumer."""
        super().stop()
        self._consumer.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for message in self._consumer.consume(2_000, 0.1):
                if message.error() is not None:
                    continue
                if message.topic() == self._topics.dead_letters:
                    self.dead_letters += 1
                else:
                    self.by_transaction[_decode(message.value() or b"").transaction_id] += 1

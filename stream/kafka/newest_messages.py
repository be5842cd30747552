"""Follows several topics for the console, starting shortly before their ends, without a consumer group."""

import logging
from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from schemas.errors import BrokerUnavailableError
from stream.kafka.clients import CONNECT_S, consumer_config
from stream.kafka.topics import partitions_of
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds to wait for a message between checks for a request to stop.
POLL_S = 0.2


class NewestMessages:
    """Reads the newest messages of several topics, and then each new message.

    Args:
        kafka: Kafka connection.
        counts: For each topic, how many of its newest existing messages to read first from each partition; 0 to read
            only new messages.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If a topic does not exist.
    """

    def __init__(self, kafka: KafkaSettings, counts: Mapping[str, int]) -> None:
        options = {"group.id": f"{kafka.group}-newest", "enable.partition.eof": False}
        self._consumer = Consumer(consumer_config(kafka) | options)
        try:
            self._consumer.assign(
                [
                    self._start(topic, partition, count)
                    for topic, count in counts.items()
                    for partition in partitions_of(self._consumer, kafka, topic)
                ]
            )
        except KafkaException as error:
            raise BrokerUnavailableError(
                f"Kafka is not responding ({error.args[0].str()}); check FRAUD_KAFKA_BOOTSTRAP"
            ) from None

    def follow(self, until: Callable[[], bool]) -> Iterator[tuple[str, bytes | None]]:
        """Yield the topic and value of each message, in order within each partition, until a condition holds."""
        while not until():
            message: Message | None = self._consumer.poll(POLL_S)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message.topic() or "", message.value()
            else:
                log.warning("following %s: %s; the client retries", message.topic(), error.str())

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _start(self, topic: str, partition: int, count: int) -> TopicPartition:
        start = TopicPartition(topic, partition, OFFSET_END)
        if count:
            low, high = self._consumer.get_watermark_offsets(start, timeout=CONNECT_S)
            start.offset = max(low, high - count)
        return start

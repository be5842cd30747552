"""Read a small topic with one partition from its beginning, without a consumer group, and follow it."""

import logging
import time
from collections.abc import Callable, Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.errors import BrokerUnavailableError, TopicMissingError
from stream.kafka.clients import CONNECT_S, consumer_config, require_broker
from stream.kafka.topics import access_denied
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: librdkafka's RD_KAFKA_OFFSET_TAIL_BASE, from which it counts back from the end; the Python client has no name for it.
TAIL = -2000


class TopicReader:
    """Reads a topic's only partition: `history` returns its current messages, then `follow` yields new messages.

    Args:
        kafka: Kafka connection.
        topic: Name of the topic.
        newest: Number of newest messages to read; None for all.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, *, newest: int | None = None) -> None:
        # A group id is required but never used: the partition is assigned directly and nothing is committed.
        # The maximum wait is short because the broker otherwise reports the end of a quiet topic 500 ms late.
        options = {"group.id": f"{kafka.group}-whole-topic", "fetch.wait.max.ms": 50}
        self._consumer = Consumer(consumer_config(kafka) | options)
        self._topic = topic
        self._start = OFFSET_BEGINNING if newest is None else TAIL - newest

    def history(self, timeout: float = CONNECT_S) -> list[bytes | None]:
        """Return the values of all messages up to the current end.

        Args:
            timeout: Maximum number of seconds to wait.

        Raises:
            BrokerUnavailableError: If the end is not reached in time.
            TopicMissingError: If the topic does not exist.
            AccessDeniedError: If the user may not read the topic.
        """
        deadline = time.monotonic() + timeout
        self._require_topic(timeout)
        # Assign after the client has connected: it then finds the partition's leader at once, not 500 ms later.
        self._consumer.assign([TopicPartition(self._topic, 0, self._start)])
        values: list[bytes | None] = []
        while time.monotonic() < deadline:
            message = self._consumer.poll(0.1)
            if message is None:
                continue
            error = message.error()
            if error is None:
                values.append(message.value())
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
                return values
            elif error.code() in {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}:  # noqa: SLF001 - as above
                raise self._missing()
            elif error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise access_denied(self._topic)
        raise BrokerUnavailableError(
            f"{self._topic} was not read to its end within {timeout:g} s; check the broker's log"
        )

    def _require_topic(self, timeout: float) -> None:
        # Without this, the client would wait half a minute for a topic that does not exist.
        try:
            error = self._consumer.list_topics(self._topic, timeout=timeout).topics[self._topic].error
        except KafkaException:
            return  # `history` reports it, as it does for a broker that becomes unavailable later
        if error is not None and error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise self._missing()
        if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise access_denied(self._topic)

    def _missing(self) -> TopicMissingError:
        return TopicMissingError(f"topic {self._topic} does not exist; create it with `fraud-stream topics`")

    def follow(self, until: Callable[[], bool], poll_s: float = 0.2) -> Iterator[bytes | None]:
        """Yield the value of each new message, in order, until a condition holds.

        Args:
            until: Function that returns whether the condition holds. Evaluated every `poll_s` seconds and after each
                message.
            poll_s: Seconds to wait for a message before evaluating the condition.
        """
        while not until():
            message = self._consumer.poll(poll_s)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message.value()
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - as above
                log.warning("following %s: %s; the client retries", self._topic, error.str())

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def read_topic(kafka: KafkaSettings, topic: str, *, newest: int | None = None) -> list[bytes | None]:
    """Return the values of a topic's messages.

    Args:
        kafka: Kafka connection.
        topic: Name of a topic with one partition.
        newest: Number of newest messages to read; None for all.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
    """
    require_broker(kafka)
    reader = TopicReader(kafka, topic, newest=newest)
    try:
        return reader.history()
    finally:
        reader.close()

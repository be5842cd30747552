"""Reads a topic from a point in time to its end, and then follows it, without a consumer group."""

import logging
from collections.abc import Callable, Iterator

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import BrokerUnavailableError
from stream.kafka.clients import CONNECT_S, consumer_config
from stream.kafka.topics import partitions_of
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Maximum number of messages in a batch, and seconds to wait for one between checks for a request to stop.
BATCH_MAX, POLL_S = 1000, 0.2


class RecentMessages:
    """Reads the messages of a topic since a point in time, and then each new message.

    Messages of transactions that are open or aborted are read too: waiting for the end of each open transaction would
    delay the messages of producers without transactions. Only topics and messages for which this does not matter
    should be read.

    Args:
        kafka: Kafka connection.
        topic: Name of the topic.
        since_ms: Time of the oldest message to read, in UTC milliseconds, by the messages' timestamps.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, since_ms: int) -> None:
        options = {
            "group.id": f"{kafka.group}-recent",  # required by the client; it neither joins nor commits
            "isolation.level": "read_uncommitted",
            "fetch.wait.max.ms": 50,  # how long the broker delays the end of a quiet topic
        }
        self._topic = topic
        self._consumer = Consumer(consumer_config(kafka) | options)
        try:
            partitions = partitions_of(self._consumer, kafka, topic)
            times = [TopicPartition(topic, partition, since_ms) for partition in partitions]
            starts = self._consumer.offsets_for_times(times, timeout=CONNECT_S)
            self._unread = set(partitions)
            self._consumer.assign([TopicPartition(topic, start.partition, _offset(start)) for start in starts])
        except KafkaException as error:
            self._consumer.close()
            raise BrokerUnavailableError(
                f"Kafka is not responding ({error.args[0].str()}); check FRAUD_KAFKA_BOOTSTRAP"
            ) from None
        except BaseException:
            self._consumer.close()
            raise

    @property
    def caught_up(self) -> bool:
        """Whether every partition has been read to its end at least once."""
        return not self._unread

    def follow(self, until: Callable[[], bool]) -> Iterator[list[Message]]:
        """Yield the messages, in order within each partition, until a condition holds.

        A batch is empty if no message arrives for POLL_S seconds, or if a partition's end has been reached.
        """
        while not until():
            batch = self._consumer.consume(BATCH_MAX, POLL_S)
            yield [message for message in batch if self._is_message(message)]

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _is_message(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
            self._unread.discard(message.partition())
        else:
            log.warning("following %s: %s; the client retries", self._topic, error.str())
        return False


def _offset(start: TopicPartition) -> int:
    """Return the offset of the first message since a time, or the end if there is none.

    Raises:
        KafkaException: If the broker could not look up the offset.
    """
    if start.error is not None:
        raise KafkaException(start.error)
    return start.offset if start.offset >= 0 else OFFSET_END

"""Reads a topic from a point in time to its end, and then follows it, without a consumer group."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import BrokerUnavailableError
from stream.kafka.clients import CONNECT_S, consumer_config
from stream.kafka.topics import access_denied, partitions_of
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Maximum number of messages in a batch, and seconds to wait for one between checks for a request to stop.
BATCH_MAX, POLL_S = 1000, 0.2
#: Seconds between checks for new partitions.
NEW_PARTITIONS_S = 10.0


class MarkedMessage(NamedTuple):
    """A message with the header that was asked for."""

    #: Value of the header.
    mark: bytes
    #: Timestamp in UTC milliseconds.
    timestamp_ms: int
    value: bytes | None


class RecentMessages:
    """Reads those messages of a topic that have a header, since a point in time, and then each new one.

    Messages of transactions that are open or aborted are read too: waiting for the end of each open transaction would
    delay the messages of producers without transactions. Use this class only where that does not matter.

    Args:
        kafka: Kafka connection.
        topic: Name of the topic.
        header: Name of the header.
        since_ms: Time of the oldest message to read, in UTC milliseconds, by the messages' timestamps.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, header: str, since_ms: int) -> None:
        options = {
            "group.id": f"{kafka.group}-recent",  # required by the client; it neither joins nor commits
            "isolation.level": "read_uncommitted",
            "fetch.wait.max.ms": 50,  # how long the broker delays the end of a quiet topic
            # A new partition may have no leader yet. By default, the client looks for it again after five minutes.
            "topic.metadata.refresh.interval.ms": round(NEW_PARTITIONS_S * 1000),
        }
        self._kafka, self._topic, self._header = kafka, topic, header
        self._consumer = Consumer(consumer_config(kafka) | options)
        try:
            partitions = partitions_of(self._consumer, kafka, topic)
            # The ends first: what arrives between the two requests is not missed.
            ends = {partition: self._end(partition) for partition in partitions}
            times = [TopicPartition(topic, partition, since_ms) for partition in partitions]
            starts = {
                each.partition: _offset(each, ends) for each in self._consumer.offsets_for_times(times, CONNECT_S)
            }
            self._partitions = set(partitions)
            #: End of each partition that has not been read to it.
            self._unread = {partition: end for partition, end in ends.items() if starts[partition] < end}
            self._consumer.assign([TopicPartition(topic, partition, start) for partition, start in starts.items()])
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
        """Whether every partition has been read to the end that it had at the start."""
        return not self._unread

    def follow(self, until: Callable[[], bool]) -> Iterator[list[MarkedMessage]]:
        """Yield the messages, in order within each partition, until a condition holds.

        A batch is empty if no message arrives for POLL_S seconds, or none with the header.

        Raises:
            AccessDeniedError: If the user may not read the topic.
            TopicMissingError: If the topic has been deleted.
        """
        checked_s = time.monotonic()
        while not until():
            first = self._consumer.poll(POLL_S)
            # `consume(n, t)` waits for its full timeout, so it only collects messages that are already available.
            batch = [] if first is None else [first, *self._consumer.consume(BATCH_MAX - 1, 0)]
            yield [
                MarkedMessage(mark, message.timestamp()[1], message.value())
                for message in batch
                if self._is_message(message) and (mark := self._mark(message)) is not None
            ]
            if time.monotonic() > checked_s + NEW_PARTITIONS_S:
                self._add_new_partitions()
                checked_s = time.monotonic()

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _end(self, partition: int) -> int:
        _, end = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), CONNECT_S)
        return int(end)

    def _is_message(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            if self._unread:
                self._note_progress(message)
            return True
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
            self._unread.pop(message.partition() or 0, None)
        elif error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise access_denied(self._topic)
        else:
            log.warning("following %s: %s; the client retries", self._topic, error.str())
        return False

    def _note_progress(self, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        if partition in self._unread and offset is not None and offset >= self._unread[partition] - 1:
            del self._unread[partition]

    def _mark(self, message: Message) -> bytes | None:
        headers = message.headers()
        mark = dict(headers).get(self._header) if headers else None
        return mark if isinstance(mark, bytes) else None

    def _add_new_partitions(self) -> None:
        # Without a broker, there is nothing new to read either; the client logs that it is away.
        with suppress(BrokerUnavailableError):
            added = set(partitions_of(self._consumer, self._kafka, self._topic)) - self._partitions
            if added:
                self._consumer.incremental_assign(
                    [TopicPartition(self._topic, each, OFFSET_BEGINNING) for each in added]
                )
                self._partitions |= added


def _offset(start: TopicPartition, ends: dict[int, int]) -> int:
    """Return the offset of the first message since a time, or the end if there is none.

    Raises:
        KafkaException: If the broker could not look up the offset.
    """
    if start.error is not None:
        raise KafkaException(start.error)
    return start.offset if start.offset >= 0 else ends[start.partition]

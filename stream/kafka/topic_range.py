"""Read the messages in a time range, or a single message, without a consumer group and without side effects."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import OFFSET_END, Consumer, Message, TopicPartition
from confluent_kafka import KafkaError as ClientError

from schemas.errors import BrokerUnavailableError, DataError, KafkaError
from stream.kafka.clients import CONNECT_S, consumer_config, require_broker
from stream.kafka.topics import partitions_of
from stream.scoring.raw_batch import RawBatch
from stream.settings import KafkaSettings

#: Maximum number of messages in one batch.
READ_MAX = 5_000
#: Seconds without a message after which the broker counts as unavailable.
SILENCE_S = 30.0


@dataclass(frozen=True)
class TopicRange:
    """A half-open range of times in UTC milliseconds; by default, of Kafka's timestamps. None means no limit."""

    start_ms: int | None = None
    end_ms: int | None = None

    def contains(self, ms: int) -> bool:
        """Return whether a time in UTC milliseconds is in the range."""
        return (self.start_ms is None or ms >= self.start_ms) and (self.end_ms is None or ms < self.end_ms)


def read_range(kafka: KafkaSettings, topic: str, topic_range: TopicRange) -> Iterator[RawBatch]:
    """Yield the committed messages in a time range in batches, in order within each partition.

    Messages that arrive after the call are not included.

    Raises:
        BrokerUnavailableError: If no broker responds, or no message arrives for `SILENCE_S` seconds.
        TopicMissingError: If the topic does not exist.
        KafkaError: If a partition cannot be read.
    """
    require_broker(kafka)
    consumer = Consumer(consumer_config(kafka) | {"group.id": f"{kafka.group}-span"})
    try:
        starts, ends = _offsets(consumer, kafka, topic, topic_range)
        unread = {partition for partition, start in starts.items() if start < ends[partition]}
        consumer.assign([TopicPartition(topic, partition, starts[partition]) for partition in unread])
        last_message = time.monotonic()
        while unread:
            values: list[bytes | None] = []
            partitions: list[int] = []
            offsets: list[int] = []
            for message in consumer.consume(READ_MAX, timeout=0.1):
                last_message = time.monotonic()
                partition, offset = message.partition(), message.offset()
                if (error := message.error()) is not None:
                    unread -= _ended(message, error)
                elif partition in unread and offset is not None:
                    if offset < ends[partition]:
                        values.append(message.value())
                        partitions.append(partition)
                        offsets.append(offset)
                    if offset >= ends[partition] - 1:
                        unread.discard(partition)
            if values:
                yield RawBatch(topic, values, partitions, offsets)
                last_message = time.monotonic()  # the caller's own work is not the broker's silence
            if time.monotonic() - last_message > SILENCE_S:
                raise BrokerUnavailableError(
                    f"no message from {topic} for {SILENCE_S:g} s; check the broker and try again"
                )
    finally:
        consumer.close()


def read_one(kafka: KafkaSettings, topic: str, partition: int, offset: int) -> bytes | None:
    """Return the value of a single message.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
        DataError: If the partition or the message does not exist.
    """
    require_broker(kafka)
    consumer = Consumer(consumer_config(kafka) | {"group.id": f"{kafka.group}-span"})
    try:
        if partition not in partitions_of(consumer, kafka, topic):
            raise DataError(
                f"{topic} has no partition {partition}; set FRAUD_KAFKA_BOOTSTRAP to the Kafka that the message is on"
            )
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(CONNECT_S)
        if message is None or message.error() is not None or message.offset() != offset:
            raise DataError(f"{topic}/{partition}/{offset} does not exist; the topic's retention may have deleted it")
        return message.value()
    finally:
        consumer.close()


def _offsets(
    consumer: Consumer, kafka: KafkaSettings, topic: str, topic_range: TopicRange
) -> tuple[dict[int, int], dict[int, int]]:
    """Return, for each partition, the first offset in the range and the offset after the last."""
    partitions = partitions_of(consumer, kafka, topic)
    watermarks = {
        partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=CONNECT_S)
        for partition in partitions
    }
    starts = _offsets_at(consumer, topic, partitions, topic_range.start_ms)
    ends = _offsets_at(consumer, topic, partitions, topic_range.end_ms)
    return (
        {partition: max(starts.get(partition, low), low) for partition, (low, _) in watermarks.items()},
        {partition: min(ends.get(partition, high), high) for partition, (_, high) in watermarks.items()},
    )


def _offsets_at(consumer: Consumer, topic: str, partitions: list[int], timestamp_ms: int | None) -> dict[int, int]:
    """Return, for each partition, the first offset at or after a timestamp; {} if there is no timestamp."""
    if timestamp_ms is None:
        return {}
    query = [TopicPartition(topic, partition, timestamp_ms) for partition in partitions]
    results = consumer.offsets_for_times(query, timeout=CONNECT_S)
    # OFFSET_END, -1: the partition has no message at or after the timestamp, so the range ends with the partition.
    return {each.partition: each.offset if each.offset != OFFSET_END else 2**62 for each in results}


def _ended(message: Message, error: ClientError) -> set[int | None]:
    if error.code() == ClientError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
        return {message.partition()}
    raise KafkaError(
        f"cannot read {message.topic()}/{message.partition()}: {error.str()}; check the broker and the right to read "
        "the topic, then try again"
    )

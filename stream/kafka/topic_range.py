"""Reading what a topic took between two moments, or one message, without a group and without touching anything."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import BrokerAwayError, DataError
from stream.kafka.clients import CONNECT_S, consumer_config, require_broker
from stream.kafka.topics import partitions_of
from stream.scoring.raw_batch import RawBatch
from stream.settings import KafkaSettings

#: Messages read at once at most.
READ_MAX = 5_000
#: Seconds without a message after which the broker counts as away.
SILENCE_S = 30.0


@dataclass(frozen=True)
class TopicRange:
    """Half-open, in milliseconds of Kafka's own timestamps; None is without end."""

    start_ms: int | None = None
    end_ms: int | None = None


def read_range(kafka: KafkaSettings, topic: str, span: TopicRange) -> Iterator[RawBatch]:
    """Yield committed messages, some thousand at a time, in order within each partition.

    It ends where the topic ended when it began.

    Raises:
        BrokerAwayError: If no broker answers, or it falls silent.
        TopicMissingError: If there is no such topic.
    """
    require_broker(kafka)
    consumer = Consumer(consumer_config(kafka) | {"group.id": f"{kafka.group}-span"})
    try:
        starts, ends = _offsets(consumer, kafka, topic, span)
        unread = {partition for partition, start in starts.items() if start < ends[partition]}
        consumer.assign([TopicPartition(topic, partition, starts[partition]) for partition in unread])
        heard = time.monotonic()
        while unread:
            values: list[bytes | None] = []
            places: list[tuple[int, int]] = []
            for message in consumer.consume(READ_MAX, timeout=0.1):
                heard = time.monotonic()
                partition, offset = message.partition(), message.offset()
                if message.error() is not None:
                    unread -= _ended(message)
                elif partition in unread and offset is not None:
                    if offset < ends[partition]:
                        values.append(message.value())
                        places.append((partition, offset))
                    if offset >= ends[partition] - 1:
                        unread.discard(partition)
            if values:
                yield RawBatch(topic, values, [place[0] for place in places], [place[1] for place in places])
            if time.monotonic() - heard > SILENCE_S:
                raise BrokerAwayError(f"{topic} was silent for {SILENCE_S:g} s; look at the broker and try again")
    finally:
        consumer.close()


def read_one(kafka: KafkaSettings, topic: str, partition: int, offset: int) -> bytes | None:
    """Return the value of one message.

    Raises:
        BrokerAwayError: If no broker answers.
        TopicMissingError: If there is no such topic.
        DataError: If the message is there no more, or not yet.
    """
    require_broker(kafka)
    consumer = Consumer(consumer_config(kafka) | {"group.id": f"{kafka.group}-span"})
    try:
        if partition not in partitions_of(consumer, kafka, topic):
            raise DataError(
                f"{topic} has no partition {partition}; name the Kafka that decided, with FRAUD_KAFKA_BOOTSTRAP"
            )
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(CONNECT_S)
        if message is None or message.error() is not None or message.offset() != offset:
            raise DataError(f"{topic}/{partition}/{offset} is not there; its retention may have passed")
        return message.value()
    finally:
        consumer.close()


def _offsets(consumer: Consumer, kafka: KafkaSettings, topic: str, span: TopicRange) -> tuple[dict[int, int], dict[int, int]]:
    """Return by partition the first offset and the one after the last."""
    partitions = partitions_of(consumer, kafka, topic)
    marks = {
        partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=CONNECT_S)
        for partition in partitions
    }
    starts = _at(consumer, topic, partitions, span.start_ms)
    ends = _at(consumer, topic, partitions, span.end_ms)
    return (
        {partition: max(starts.get(partition, low), low) for partition, (low, _) in marks.items()},
        {partition: min(ends.get(partition, high), high) for partition, (_, high) in marks.items()},
    )


def _at(consumer: Consumer, topic: str, partitions: list[int], moment_ms: int | None) -> dict[int, int]:
    """Return by partition the first offset at or after a moment."""
    if moment_ms is None:
        return {}
    asked = [TopicPartition(topic, partition, moment_ms) for partition in partitions]
    found = consumer.offsets_for_times(asked, timeout=CONNECT_S)
    # OFFSET_END, -1: nothing so late. The end then is wherever the topic ends.
    return {each.partition: each.offset if each.offset != OFFSET_END else 2**62 for each in found}


def _ended(message: Message) -> set[int | None]:
    error = message.error()
    if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
        return {message.partition()}
    raise KafkaException(error)

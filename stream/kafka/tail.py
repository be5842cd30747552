"""Follow a topic, as `fraud-stream tail` does."""

import logging
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, TopicPartition

from stream.kafka.clients import consumer_config, require_broker
from stream.kafka.topics import partitions_of
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)


def follow_topic(kafka: KafkaSettings, topic: str, *, from_beginning: bool) -> Iterator[bytes]:
    """Yield the committed messages of a topic as they arrive, indefinitely.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
    """
    require_broker(kafka)
    consumer = Consumer(consumer_config(kafka) | {"group.id": f"{kafka.group}-tail"})
    start = OFFSET_BEGINNING if from_beginning else OFFSET_END
    try:
        partitions = partitions_of(consumer, kafka, topic)
        consumer.assign([TopicPartition(topic, partition, start) for partition in partitions])
        while True:
            message = consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message.value() or b""
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
                log.warning("following %s: %s; the client retries", topic, error.str())
    finally:
        consumer.close()

"""Create topics, write messages to them and read all their messages."""

import time
from collections.abc import Iterable
from typing import Literal, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from stream.kafka.topics import wait_until_usable

Isolation = Literal["read_committed", "read_uncommitted"]


def create_topic(bootstrap: str, topic: str, partitions: int = 1) -> None:
    """Create a topic and return when it is usable."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, partitions, 1)], operation_timeout=10)[topic].result()
    wait_until_usable(admin, {topic: partitions})


def produce_all(
    bootstrap: str,
    topic: str,
    messages: Iterable[tuple[bytes | None, bytes | None]],
    *,
    partition: int = -1,
    compression: str = "none",
) -> None:
    """Write (key, value) pairs, to a single partition if one is given, and return when all are acknowledged.

    A topic's size limit applies to compressed messages, so larger messages fit with compression.
    """
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    # The same partitioner as in the project's producers. The topic's limit, not the client's, rejects large messages.
    config = {"enable.idempotence": True, "partitioner": "murmur2_random", "message.max.bytes": 4 * 2**20}
    producer = Producer(config | {"bootstrap.servers": bootstrap, "linger.ms": 5, "compression.type": compression})
    for key, value in messages:
        while True:
            try:
                producer.produce(topic, value, key, partition, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    unacknowledged = producer.flush(30)
    assert not failures, f"{len(failures)} messages were refused, the first with {failures[0]}"
    assert unacknowledged == 0, f"{unacknowledged} messages were not acknowledged within 30 s"


def read_all(
    bootstrap: str, topic: str, isolation: Isolation = "read_committed", *, timeout: float = 30.0
) -> list[Message]:
    """Read every partition of a topic from its beginning to its current end.

    Committed data end at the first open transaction. The end is taken from the broker: offsets alone do not show it,
    because transaction markers take offsets and are never delivered.

    Args:
        bootstrap: Bootstrap server, host:port.
        topic: Name of an existing topic.
        isolation: Kafka's isolation level, which decides whether to read messages of aborted and open transactions.
        timeout: Seconds within which the end of the topic must be reached.

    Returns:
        The messages, in order within each partition.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tests-read-all",  # required by the client; it neither joins nor commits
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "reconnect.backoff.ms": 10,
            "reconnect.backoff.max.ms": 500,
            "fetch.wait.max.ms": 50,  # how long the broker delays the end of a topic
        }
    )
    try:
        unread = set(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, 0) for partition in unread])
        messages: list[Message] = []
        deadline = time.monotonic() + timeout
        while unread:
            assert time.monotonic() < deadline, f"the end of {topic} was not reached within {timeout:.0f} s"
            for message in consumer.consume(1000, timeout=0.05):
                if (error := message.error()) is None:
                    messages.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition())
                else:
                    raise KafkaException(error)
        return messages
    finally:
        consumer.close()


class EndOffsets(NamedTuple):
    """Ends of a topic, added up over its partitions."""

    #: End up to which every Kafka transaction has been committed or aborted.
    settled: int
    #: End of all messages and transaction markers.
    written: int


def end_offsets(bootstrap: str, topic: str) -> EndOffsets:
    """Return the ends of a topic."""
    return EndOffsets(*(_end(bootstrap, topic, isolation) for isolation in ("read_committed", "read_uncommitted")))


def _end(bootstrap: str, topic: str, isolation: str) -> int:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "tests-end", "isolation.level": isolation})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, each), timeout=10)[1] for each in partitions)
    finally:
        consumer.close()

"""Writing a topic of one partition, one writer at a time: a writer fences every other before it reads what is there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException, Producer

from stream.kafka.clients import CONNECT_S, connect, producer_config, require_broker
from stream.settings import KafkaSettings


@contextmanager
def sole_writer(kafka: KafkaSettings, topic: str) -> Iterator[Callable[[bytes], None]]:
    """Enter as the topic's only writer; yields what writes one message, in a transaction of its own.

    What is read inside stays the newest until the write, or the write fails as fenced.

    Raises:
        BrokerAwayError: If no broker answers.
        KafkaException: From inside; `was_fenced` tells whether another writer came meanwhile.
    """
    require_broker(kafka)
    own = {"transactional.id": f"{topic}-writer", "transaction.timeout.ms": 10_000}
    producer = Producer(producer_config(kafka) | own)

    def write(message: bytes) -> None:
        producer.begin_transaction()
        producer.produce(topic, message, partition=0)
        producer.commit_transaction(CONNECT_S)

    connect(producer, topic)
    producer.init_transactions(CONNECT_S)
    yield write


def was_fenced(error: KafkaException) -> bool:
    """Return whether a write failed because another writer came meanwhile: nothing was written."""
    reason = error.args[0]
    return bool(reason.fatal() or reason.code() == KafkaError._FENCED)  # noqa: SLF001 - librdkafka's own code

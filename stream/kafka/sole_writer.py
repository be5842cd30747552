"""Write to a topic with one partition, one writer at a time: a writer fences all others before it reads the topic."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException, Producer

from stream.kafka.clients import CONNECT_S, connect, producer_config, require_broker
from stream.settings import KafkaSettings


@contextmanager
def sole_writer(kafka: KafkaSettings, topic: str) -> Iterator[Callable[[bytes], None]]:
    """Become the topic's only writer and yield a function that writes one message in its own Kafka transaction.

    What the caller reads inside the context is still current when it writes; otherwise the write fails as fenced.

    Raises:
        BrokerUnavailableError: If no broker responds.
        KafkaException: If the write fails; `was_fenced` tells whether another writer took over.
    """
    require_broker(kafka)
    options = {"transactional.id": f"{topic}-writer", "transaction.timeout.ms": 10_000}
    producer = Producer(producer_config(kafka) | options)

    def write(message: bytes) -> None:
        producer.begin_transaction()
        producer.produce(topic, message, partition=0)
        producer.commit_transaction(CONNECT_S)

    connect(producer, topic)
    producer.init_transactions(CONNECT_S)
    yield write


def was_fenced(error: KafkaException) -> bool:
    """Return whether a write failed because another writer took over, in which case nothing was written."""
    reason = error.args[0]
    return bool(reason.fatal() or reason.code() == KafkaError._FENCED)  # noqa: SLF001 - librdkafka's own code

"""Write to a topic with one partition, one writer at a time: a writer fences all others before it reads the topic."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

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
    with sole_transactions(kafka, topic) as transact:
        yield lambda message: transact([{"topic": topic, "value": message, "partition": 0}])


@contextmanager
def sole_transactions(kafka: KafkaSettings, topic: str) -> Iterator[Callable[[Iterable[Mapping[str, Any]]], None]]:
    """Become the topic's only writer and yield a function that writes messages to any topics in one transaction.

    The function takes the arguments of `Producer.produce` for each message. A transaction must fit the client's queue.

    Raises:
        BrokerUnavailableError: If no broker responds.
        KafkaException: If a write fails; `was_fenced` tells whether another writer took over.
    """
    require_broker(kafka)
    options = {"transactional.id": f"{topic}-writer", "transaction.timeout.ms": 10_000}
    producer = Producer(producer_config(kafka) | options)

    def transact(messages: Iterable[Mapping[str, Any]]) -> None:
        producer.begin_transaction()
        try:
            for message in messages:
                producer.produce(**message)
            producer.commit_transaction(CONNECT_S)
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                # Readers of committed messages wait at an open transaction until it times out.
                with suppress(KafkaException):
                    producer.abort_transaction(CONNECT_S)
            raise

    connect(producer, topic)
    producer.init_transactions(CONNECT_S)
    yield transact


def was_fenced(error: KafkaException) -> bool:
    """Return whether a write failed because another writer took over, in which case nothing was written."""
    reason = error.args[0]
    return bool(reason.fatal() or reason.code() == KafkaError._FENCED)  # noqa: SLF001 - librdkafka's own code

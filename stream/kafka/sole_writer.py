"""Write to a topic with one partition, one writer at a time: a writer fences all others before it reads the topic.

A commit returns when Kafka has recorded it, which is before the topic's readers see the messages: only then does the
broker write the marker that ends the transaction on the partition. A caller would therefore not always read what it has
just written, so a write returns once readers of committed messages see it.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # not in its type stubs

from schemas.errors import TransactionError
from stream.kafka.client_log import LastLineLog
from stream.kafka.clients import CONNECT_S, client_config, connect, producer_config, require_broker
from stream.kafka.transaction_calls import CALL_S, FENCED, call_until
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds for which a transaction is completed in spite of an unresponsive broker, such as during a leader election.
COMMIT_S = 45.0
#: Milliseconds after which the broker aborts a transaction: not before this writer has given up and aborted it.
TRANSACTION_TIMEOUT_MS = 60_000
#: Seconds between checks whether readers see what was committed, usually at the first.
READABLE_S = 0.01

#: Errors that say only that Kafka did not respond.
_NO_RESPONSE = frozenset(
    {KafkaError._TIMED_OUT, KafkaError._MSG_TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}  # noqa: SLF001 - librdkafka's own codes begin with _
)


@contextmanager
def sole_writer(kafka: KafkaSettings, topic: str) -> Iterator[Callable[[bytes], None]]:
    """Become the topic's only writer and yield a function that writes one message in its own Kafka transaction.

    What the caller reads inside the context is still current when it writes; otherwise the write fails as fenced. When
    the function returns, readers see the message.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TransactionError: If the write fails; its attributes tell why, and whether the message may have been written.
    """
    with sole_transactions(kafka, topic) as transact:
        yield lambda message: transact([{"topic": topic, "value": message, "partition": 0}])


@contextmanager
def sole_transactions(kafka: KafkaSettings, topic: str) -> Iterator[Callable[[Iterable[Mapping[str, Any]]], None]]:
    """Become the topic's only writer and yield a function that writes messages to any topics in one transaction.

    The function takes the arguments of `Producer.produce` for each message. A transaction must fit the client's queue.
    If anything fails, an exception of the iterable included, the transaction is aborted: while it is open, readers of
    committed messages wait. When the function returns, readers of the topic see its messages.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TransactionError: If a write fails; its attributes tell why, and whether the messages may have been written.
    """
    require_broker(kafka)
    writer = _SoleWriter(kafka, topic)
    writer.fence_others()
    yield writer.transact


class _SoleWriter:
    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._topic = topic
        self._client_log = LastLineLog()
        options = {
            "transactional.id": f"{topic}-writer",
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
            "logger": self._client_log,
        }
        self._producer = Producer(producer_config(kafka) | options)
        self._admin = AdminClient(client_config(kafka))

    def fence_others(self) -> None:
        connect(self._producer, self._topic)
        try:
            call_until(self._producer.init_transactions, time.monotonic() + CONNECT_S)
        except KafkaException as error:
            raise self._failure(error.args[0], written_nothing=True) from error

    def transact(self, messages: Iterable[Mapping[str, Any]]) -> None:
        deadline = time.monotonic() + COMMIT_S
        committing = False
        try:
            self._producer.begin_transaction()
            for message in messages:
                self._producer.produce(**message)
            # A commit that waits for acknowledgements cannot be aborted any more, so wait for them before.
            while self._producer.flush(CALL_S):
                if time.monotonic() > deadline:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "messages not acknowledged"))  # noqa: SLF001, TRY301
            committing = True
            call_until(self._producer.commit_transaction, deadline)
        except BaseException as error:
            with suppress(KafkaException):  # the transaction may have ended already
                self._producer.abort_transaction(CONNECT_S)
            if isinstance(error, KafkaException):
                reason = error.args[0]
                written_nothing = not committing or reason.txn_requires_abort()
                raise self._failure(reason, written_nothing=written_nothing) from error
            raise
        self._await_readable()

    def _await_readable(self) -> None:
        deadline = time.monotonic() + CONNECT_S
        try:
            end = self._end(IsolationLevel.READ_UNCOMMITTED)
            while self._end(IsolationLevel.READ_COMMITTED) < end:
                if time.monotonic() > deadline:
                    log.warning("%s: written, but not readable within %g s", self._topic, CONNECT_S)
                    return
                time.sleep(READABLE_S)
        except KafkaException as error:
            log.warning("%s: written, but perhaps not readable yet: %s", self._topic, error.args[0].str())

    def _end(self, isolation: IsolationLevel) -> int:
        newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # not in its type stubs
        request = {TopicPartition(self._topic, 0): newest}
        (future,) = self._admin.list_offsets(request, isolation_level=isolation, request_timeout=CONNECT_S).values()
        return int(future.result().offset)

    def _failure(self, error: KafkaError, *, written_nothing: bool) -> TransactionError:
        with suppress(KafkaException):  # a fatal error is raised here once more
            self._producer.poll(0)  # delivers log lines
        text, unavailable = error.str(), error.code() in _NO_RESPONSE
        if unavailable and self._client_log.last:  # a time-out itself does not name its cause
            text += f"; the client's last log line is: {self._client_log.last}"
        fenced = error.code() in FENCED
        return TransactionError(text, fenced=fenced, written_nothing=written_nothing, unavailable=unavailable)

"""Produce messages from an event loop, with a callback for each message that Kafka acknowledges.

A decision made over HTTP contains the offset of its transaction, which is known only once Kafka has acknowledged the
transaction. So a response waits for two acknowledgements in turn: the transaction's, then the decision's. A Kafka
transaction around both would add two round trips. Without a Kafka transaction, an outage between these two writes
leaves a recorded transaction without a decision, and the caller gets an error.

A thread polls for acknowledgements and hands them to the event loop, several at a time. Messages whose
acknowledgement nobody waits for go through a second producer that sends large batches and reports only failures.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.errors import BrokerUnavailableError, BusyError, FraudError
from stream.kafka.broker_monitor import BrokerMonitor
from stream.kafka.clients import producer_config
from stream.runtime.background import Background
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds to wait for acknowledgements between checks for a request to stop.
POLL_S = 0.1
#: Seconds in which the last messages must be sent on shutdown; an unavailable broker must not delay it further.
FLUSH_S = 1.0
#: Milliseconds for which librdkafka collects messages into one request to the broker. The first value is for awaited
#: messages (at thousands per second, a few share a request), the second for all others.
LINGER_MS, BULK_LINGER_MS = 0.2, 50


class OutgoingMessage(NamedTuple):
    """A message to produce."""

    topic: str
    key: str | None
    value: bytes
    #: Whether the caller waits for the message's acknowledgement.
    awaited: bool = True
    headers: dict[str, str | bytes | None] | None = None


class MessageOffset(NamedTuple):
    """Where Kafka stored a message."""

    partition: int
    offset: int


#: Called on the event loop, once for each message: with its offset, with BrokerUnavailableError if Kafka did not
#: acknowledge it in time (it may be stored all the same), or with BusyError if librdkafka's queue is full.
OnAcknowledged = Callable[[MessageOffset | FraudError], None]
#: Called once for several messages: with None when all awaited messages are acknowledged, or with the first error.
OnAllAcknowledged = Callable[[FraudError | None], None]


class AcknowledgedProducer(Background):
    """Produces messages and reports their acknowledgements. Call every method on the event loop.

    Args:
        kafka: Kafka connection.
        timeout_ms: Milliseconds after which a message that Kafka has not acknowledged fails.
        broker: Monitor that is informed at once when the client loses the broker.
        on_error: Called with the error that ends the polling thread.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        timeout_ms: int,
        broker: BrokerMonitor,
        on_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__("acknowledged-producer")
        self._kafka = kafka
        self._timeout_ms = timeout_ms
        self._broker = broker
        self._on_error = on_error
        self._unacknowledged = 0
        self._idle = asyncio.Event()
        self._idle.set()
        #: Acknowledgements that the event loop has not handled yet. The polling thread appends, the loop removes.
        self._acknowledged: list[tuple[OnAcknowledged, MessageOffset | FraudError]] = []

    def start(self) -> None:
        """Create the producers and start polling."""
        self._loop = asyncio.get_running_loop()
        config = producer_config(self._kafka) | {"error_cb": self._broker.on_client_error}
        # Nagle's algorithm would hold back a small request until the previous request is answered.
        prompt = {"linger.ms": LINGER_MS, "socket.nagle.disable": True}
        timeout = {"message.timeout.ms": self._timeout_ms}
        self._prompt = Producer(config | timeout | prompt)
        failures_only = {"delivery.report.only.error": True, "on_delivery": _log_failure}
        self._bulk = Producer(config | failures_only | {"linger.ms": BULK_LINGER_MS})
        super().start()

    def produce(self, message: OutgoingMessage, on_acknowledged: OnAcknowledged) -> None:
        """Produce one message. Every error goes to the callback."""
        try:
            self._enqueue(message, on_acknowledged)
        except FraudError as error:
            on_acknowledged(error)

    def produce_all(self, messages: Sequence[OutgoingMessage], on_acknowledged: OnAllAcknowledged) -> None:
        """Produce several messages. The callback reports on awaited messages; failures of other messages are logged."""
        group = _MessageGroup(sum(message.awaited for message in messages), on_acknowledged)
        for message in messages:
            try:
                if message.awaited:
                    self._enqueue(message, group.on_acknowledged)
                else:
                    _produce(self._bulk, message)
            except FraudError as error:
                if message.awaited:
                    group.fail(error)
                    return
                log.warning("a message for %s was not written: %s", message.topic, error)

    async def produce_and_wait(self, messages: Sequence[OutgoingMessage]) -> None:
        """Produce several messages, and return when Kafka has acknowledged the awaited messages.

        Raises:
            BrokerUnavailableError: If Kafka does not acknowledge the awaited messages in time.
            BusyError: If librdkafka's queue is full.
        """
        done: asyncio.Future[None] = self._loop.create_future()
        self.produce_all(messages, partial(_resolve, done))
        await done

    async def drain(self) -> None:
        """Wait up to FLUSH_S seconds for outstanding messages and for messages that their callbacks produce."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), FLUSH_S)

    def _enqueue(self, message: OutgoingMessage, on_acknowledged: OnAcknowledged) -> None:
        _produce(self._prompt, message, on_delivery=partial(self._on_delivery, on_acknowledged))
        self._unacknowledged += 1
        self._idle.clear()

    def _on_delivery(self, on_acknowledged: OnAcknowledged, error: KafkaError | None, message: Message) -> None:
        """Collect an acknowledgement for the event loop. Called on the polling thread."""
        partition, offset = message.partition(), message.offset()
        if error is None and (partition is None or offset is None):
            # If Kafka already has a retried message, the acknowledgement may lack the offset. A decision must
            # not be recorded under another transaction's offset.
            error = KafkaError(KafkaError._NO_OFFSET)  # noqa: SLF001 - librdkafka's own codes begin with _
        result = MessageOffset(partition or 0, offset or 0) if error is None else _not_acknowledged(error)
        self._acknowledged.append((on_acknowledged, result))

    def _run(self) -> None:
        """Poll for acknowledgements until stopped."""
        try:
            while not self._stopping.is_set():
                self._prompt.poll(POLL_S)  # returns after the first acknowledgement and all that arrived with it
                self._bulk.poll(0)
                if self._acknowledged:
                    self._loop.call_soon_threadsafe(self._run_callbacks)
            self._prompt.flush(FLUSH_S)
            self._bulk.flush(FLUSH_S)
            self._loop.call_soon_threadsafe(self._run_callbacks)
        except KafkaException as error:  # the client's fatal error
            reason = error.args[0].str()
            self._on_error(BrokerUnavailableError(f"Kafka's client has failed ({reason}); restart the program"))
        except BaseException as error:  # noqa: BLE001 - the program must learn of any error that ends the thread
            self._on_error(error)

    def _run_callbacks(self) -> None:
        """Call the callbacks of all messages acknowledged so far. Later messages wait for the next call."""
        count = len(self._acknowledged)
        ready = self._acknowledged[:count]
        del self._acknowledged[:count]
        for on_acknowledged, result in ready:
            try:
                on_acknowledged(result)
            except Exception:  # one failing callback must not hide the other acknowledgements
                log.exception("the callback of an acknowledged message failed")
        # After the callbacks, because `drain` must also wait for the messages that they produce.
        self._unacknowledged -= count
        if not self._unacknowledged:
            self._idle.set()


class _MessageGroup:
    """Several messages that share one callback."""

    __slots__ = ("_failed", "_on_all_acknowledged", "_outstanding")

    def __init__(self, count: int, on_all_acknowledged: OnAllAcknowledged) -> None:
        self._outstanding = count
        self._on_all_acknowledged = on_all_acknowledged
        self._failed = False

    def on_acknowledged(self, result: MessageOffset | FraudError) -> None:
        self._outstanding -= 1
        if isinstance(result, FraudError):
            self.fail(result)
        elif not self._outstanding and not self._failed:
            self._on_all_acknowledged(None)

    def fail(self, error: FraudError) -> None:
        if not self._failed:
            self._failed = True
            self._on_all_acknowledged(error)


def _produce(
    producer: Producer,
    message: OutgoingMessage,
    on_delivery: Callable[[KafkaError | None, Message], None] | None = None,
) -> None:
    """Queue a message in librdkafka.

    Raises:
        BusyError: If the queue is full.
        BrokerUnavailableError: If librdkafka rejects the message for another reason.
    """
    try:
        if on_delivery is None:
            producer.produce(message.topic, message.value, message.key, headers=message.headers)
        else:
            producer.produce(
                message.topic, message.value, message.key, headers=message.headers, on_delivery=on_delivery
            )
    except BufferError as error:
        raise BusyError("the queue to Kafka is full; try again later") from error
    except KafkaException as error:
        raise BrokerUnavailableError(
            f"Kafka's client rejected a message for {message.topic}: {error.args[0].str()}"
        ) from error


def _resolve(done: asyncio.Future[None], error: FraudError | None) -> None:
    if done.done():
        return  # the caller was cancelled
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(None)


def _not_acknowledged(error: KafkaError) -> BrokerUnavailableError:
    return BrokerUnavailableError(f"Kafka has not acknowledged the message ({error.str()}); try again")


def _log_failure(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        log.warning("a message for %s was not written: %s", message.topic(), error.str())

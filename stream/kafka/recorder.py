"""Writing a transaction, and then what was decided about it: what a reply over HTTP stands on.

A decision names the place of its transaction, which is known once Kafka has that. So these are two acknowledgements in
turn. There is no Kafka transaction around them, which would cost a third and a fourth: when Kafka goes away in between,
a transaction without a decision is left behind, and nobody was told anything about it.

Everything happens on the event loop's thread. librdkafka's callbacks come while it is polled, and it is polled every
millisecond while something is outstanding; a thread of its own would fight the loop for Python's lock at each of them.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.errors import BrokerAwayError, BusyError
from stream.kafka.broker_watch import BrokerWatch
from stream.kafka.clients import producer_config
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Seconds between two looks for acknowledgements, while some are outstanding and while none is.
POLL_S = 0.001
IDLE_POLL_S = 0.1
#: Seconds for the last messages to be on their way: they must not hold a stop up while the broker is away.
FLUSH_S = 2.0
#: Milliseconds that librdkafka gathers messages: at thousands a second a few of them share a request to the broker.
LINGER_MS = 0.5


class Row(NamedTuple):
    """A message to be written."""

    topic: str
    key: str | None
    value: bytes
    #: Whether somebody waits for its acknowledgement.
    awaited: bool = True


#: Given partition and offset of the transaction, what was decided about it.
Follow = Callable[[int, int], Sequence[Row]]


class Recorder:
    """Writes to Kafka from inside an event loop.

    Args:
        settings: Addresses; the deadline, after which a message is given up.
        broker: Hears at once of a broker that went away.
    """

    def __init__(self, settings: Settings, broker: BrokerWatch) -> None:
        self._settings = settings
        self._broker = broker
        self._outstanding = 0

    def open(self) -> None:
        """Connect, and look for acknowledgements from now on. Inside the event loop."""
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(
            producer_config(self._settings)
            | {
                "linger.ms": LINGER_MS,
                "message.timeout.ms": self._settings.http_deadline_ms,
                "error_cb": self._broker.heard,
            }
        )
        self._tick = self._loop.call_later(IDLE_POLL_S, self._poll)

    def record(self, transaction: Row, follow: Follow) -> asyncio.Future[None]:
        """Write a transaction, and what `follow` makes of its place.

        Returns:
            Done when Kafka has the transaction and all that is awaited of what follows. BrokerAwayError where it did
            not acknowledge them within the deadline: they may stand there all the same.

        Raises:
            BusyError: If librdkafka's queue is full; nothing was written.
        """
        done = self._loop.create_future()

        def written(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                _fail(done, error)
                return
            try:
                self._write(follow(message.partition() or 0, message.offset() or 0), done)
            except (BusyError, BrokerAwayError) as why:
                done.set_exception(why)

        self._produce(transaction, written)
        return done

    def write(self, rows: Sequence[Row]) -> asyncio.Future[None]:
        """Write messages.

        Returns:
            Done when Kafka has those that are awaited, or BrokerAwayError. Of the others a failure is logged.

        Raises:
            BusyError: If librdkafka's queue is full; what comes after that message was not written.
        """
        done = self._loop.create_future()
        self._write(rows, done)
        return done

    def close(self) -> None:
        """Wait a little for what is outstanding, and look no more."""
        self._tick.cancel()
        self._producer.flush(FLUSH_S)

    def _write(self, rows: Sequence[Row], done: asyncio.Future[None]) -> None:
        left = sum(row.awaited for row in rows)

        def acknowledged(error: KafkaError | None, _: Message) -> None:
            nonlocal left
            left -= 1
            if error is not None:
                _fail(done, error)
            elif not left and not done.done():
                done.set_result(None)

        for row in rows:
            self._produce(row, acknowledged if row.awaited else _log_failure)
        if not left and not done.done():
            done.set_result(None)

    def _produce(self, row: Row, told: Callable[[KafkaError | None, Message], None]) -> None:
        def delivered(error: KafkaError | None, message: Message) -> None:
            self._outstanding -= 1
            told(error, message)

        try:
            self._producer.produce(row.topic, row.value, row.key, on_delivery=delivered)
        except BufferError as error:
            raise BusyError("Kafka takes no more messages just now; ask again") from error
        except KafkaException as error:
            raise BrokerAwayError(f"Kafka does not take a message for {row.topic}: {error.args[0].str()}") from error
        self._outstanding += 1
        if self._outstanding == 1:
            self._tick.cancel()
            self._tick = self._loop.call_later(POLL_S, self._poll)

    def _poll(self) -> None:
        self._producer.poll(0)
        self._tick = self._loop.call_later(POLL_S if self._outstanding else IDLE_POLL_S, self._poll)


def _fail(done: asyncio.Future[Any], error: KafkaError) -> None:
    if not done.done():
        done.set_exception(BrokerAwayError(f"Kafka has not acknowledged it ({error.str()}); ask again"))


def _log_failure(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        log.warning("a message for %s was not written: %s", message.topic(), error.str())

"""Writing a transaction, and then what was decided about it: what a reply over HTTP stands on.

A decision names the place of its transaction, which is known once Kafka has that. So these are two acknowledgements in
turn. There is no Kafka transaction around them, which would cost a third and a fourth: when Kafka goes away in between,
a transaction without a decision is left behind, and nobody was told anything about it.

Acknowledgements are taken by a thread that does nothing else, some at a time, and told on the event loop's. What nobody
waits for goes its own way, many messages at a time, and only failures are told.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.errors import BrokerAwayError, BusyError, FraudError
from stream.kafka.broker_watch import BrokerWatch
from stream.kafka.clients import producer_config
from stream.runtime.background import Background
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Seconds for which the thread waits for acknowledgements before it looks whether to stop.
POLL_S = 0.1
#: Seconds for the last messages to be on their way: they must not hold a stop up while the broker is away.
FLUSH_S = 1.0
#: Milliseconds that librdkafka gathers messages: at thousands a second a few of them share a request to the broker.
#: Of those that nobody waits for many do.
LINGER_MS, UNHURRIED_LINGER_MS = 0.2, 50


class Row(NamedTuple):
    """A message to be written."""

    topic: str
    key: str | None
    value: bytes
    #: Whether somebody waits for its acknowledgement.
    awaited: bool = True


#: Given partition and offset of the transaction, what was decided about it.
Follow = Callable[[int, int], Sequence[Row]]
#: Told of each message by itself: an error, or the partition and offset that it has.
_ToldPlace = Callable[[KafkaError | None, int, int], None]
_Acknowledged = tuple[_ToldPlace, KafkaError | None, int, int]
#: Told once: None when Kafka has all that is awaited; else BrokerAwayError, or BusyError where librdkafka's queue is
#: full. What was not acknowledged within the deadline may stand there all the same.
Told = Callable[[FraudError | None], None]


class Recorder(Background):
    """Writes to Kafka from inside an event loop.

    Args:
        settings: Addresses; the deadline, after which a message is given up.
        broker: Hears at once of a broker that went away.
        on_error: Called with whatever ends the taking of acknowledgements.
    """

    def __init__(self, settings: Settings, broker: BrokerWatch, on_error: Callable[[BaseException], None]) -> None:
        super().__init__("recorder")
        self._settings = settings
        self._broker = broker
        self._on_error = on_error
        self._recording = 0
        self._idle = asyncio.Event()
        self._idle.set()
        #: Acknowledged since the loop was last told.
        self._acknowledged: list[_Acknowledged] = []

    def start(self) -> None:
        """Connect, and look for acknowledgements from now on. Inside the event loop."""
        self._loop = asyncio.get_running_loop()
        config = producer_config(self._settings) | {"error_cb": self._heard}
        # A small request would wait for the answer to the one before it (Nagle's algorithm).
        prompt = {"linger.ms": LINGER_MS, "socket.nagle.disable": True}
        timeout = {"message.timeout.ms": self._settings.http.deadline_ms}
        self._producer = Producer(config | timeout | prompt)
        quiet = {"delivery.report.only.error": True, "on_delivery": _log_failure}
        self._unhurried = Producer(config | quiet | {"linger.ms": UNHURRIED_LINGER_MS})
        super().start()

    def record(self, transaction: Row, follow: Follow, told: Told) -> None:
        """Write a transaction, then what `follow` makes of its place, and tell when Kafka has both."""
        self._recording += 1
        self._idle.clear()

        def settled(error: FraudError | None) -> None:
            self._recording -= 1
            if not self._recording:
                self._idle.set()
            told(error)

        def written(error: KafkaError | None, partition: int, offset: int) -> None:
            if error is not None:
                settled(_unacknowledged(error))
            else:
                self.write(follow(partition, offset), settled)

        try:
            self._produce(transaction, written)
        except FraudError as error:
            settled(error)

    def write(self, rows: Sequence[Row], told: Told) -> None:
        """Write messages, and tell when Kafka has those that are awaited; of the others a failure is logged."""
        left = sum(row.awaited for row in rows)
        failed = False

        def fail(error: FraudError) -> None:
            nonlocal failed
            if not failed:
                failed = True
                told(error)

        def acknowledged(error: KafkaError | None, _partition: int, _offset: int) -> None:
            nonlocal left
            left -= 1
            if error is not None:
                fail(_unacknowledged(error))
            elif not left and not failed:
                told(None)

        for row in rows:
            try:
                self._produce(row, acknowledged if row.awaited else None)
            except FraudError as error:
                if row.awaited:
                    fail(error)
                    return
                log.warning("a message for %s was not written: %s", row.topic, error)

    async def drain(self) -> None:
        """Wait a little for transactions whose decision is yet to be written: for those that nobody waits for."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), FLUSH_S)

    async def written(self, rows: Sequence[Row]) -> None:
        """Write messages, and return when Kafka has those that are awaited.

        Raises:
            BrokerAwayError: If it does not acknowledge them.
            BusyError: If librdkafka's queue is full.
        """
        done: asyncio.Future[None] = self._loop.create_future()

        def told(error: FraudError | None) -> None:
            if done.done():
                return  # whoever waited has gone
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(None)

        self.write(rows, told)
        await done

    def _produce(self, row: Row, told: _ToldPlace | None) -> None:
        try:
            if told is None:
                self._unhurried.produce(row.topic, row.value, row.key)
            else:
                self._producer.produce(row.topic, row.value, row.key, on_delivery=self._taking(told))
        except BufferError as error:
            raise BusyError("Kafka takes no more messages just now; ask again") from error
        except KafkaException as error:
            raise BrokerAwayError(f"Kafka does not take a message for {row.topic}: {error.args[0].str()}") from error

    def _taking(self, told: _ToldPlace) -> Callable[[KafkaError | None, Message], None]:
        acknowledged = self._acknowledged

        def taken(error: KafkaError | None, message: Message) -> None:
            partition, offset = message.partition(), message.offset()
            if error is None and (partition is None or offset is None):
                # A retry that the broker had already may be acknowledged so: then a decision would name a stranger.
                error = KafkaError(KafkaError._NO_OFFSET)  # noqa: SLF001 - librdkafka's own codes begin with _
            acknowledged.append((told, error, partition or 0, offset or 0))

        return taken

    def _heard(self, error: KafkaError) -> None:
        if error.fatal():
            self._on_error(BrokerAwayError(f"Kafka's client cannot go on ({error.str()}); start again"))
        self._broker.heard(error)

    def _run(self) -> None:
        """Take acknowledgements: on the thread."""
        try:
            while not self._stopping.is_set():
                self._take(POLL_S)
            self._producer.flush(FLUSH_S)
            self._unhurried.flush(FLUSH_S)
            self._loop.call_soon_threadsafe(self._tell)
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread must reach the program
            self._on_error(error)

    def _take(self, patience_s: float) -> None:
        self._producer.poll(patience_s)  # returns with the first, after all that are there
        self._unhurried.poll(0)
        if self._acknowledged:
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        """Tell what was acknowledged: on the loop's thread. What the other appends meanwhile is told the next time."""
        count = len(self._acknowledged)
        some = self._acknowledged[:count]
        del self._acknowledged[:count]
        for told, error, partition, offset in some:
            try:
                told(error, partition, offset)
            except Exception:  # the others' acknowledgements are none of its business
                log.exception("an acknowledgement could not be told")


def _unacknowledged(error: KafkaError) -> BrokerAwayError:
    return BrokerAwayError(f"Kafka has not acknowledged it ({error.str()}); ask again")


def _log_failure(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        log.warning("a message for %s was not written: %s", message.topic(), error.str())

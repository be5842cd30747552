"""The batch source: a thread that reads the available messages and hands them to the batch channel."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from confluent_kafka import KafkaError as Code
from confluent_kafka import KafkaException

from schemas.errors import KafkaError
from stream.kafka.batch import Batch
from stream.kafka.group_member import GroupMember
from stream.scoring.raw_batch import RawBatch
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds that `poll` waits for a first message, and so the delay before a stop or a rewind on a quiet topic.
POLL_S = 0.1
#: Seconds that a full channel may block reading before the consumer is paused and polled, so that rebalances are
#: served. Pausing at every batch costs ten times the throughput.
BLOCKED_S = 1.0
#: Batches in flight during a backlog: one being committed, one being scored and one read. Without a backlog, one.
READ_AHEAD = 3

#: Function that hands a batch to the channel, and returns a future that is done once the channel has accepted it.
Offer = Callable[[Batch], "Future[None]"]


class BatchSource(GroupMember):
    """Reads a topic in batches.

    Args:
        kafka: Settings for the Kafka connection, the process's slot (its fixed name in the group) and the batch limits.
        offer: Function that hands a batch to the channel, and returns a future that is done once the channel has
            accepted the batch.
        on_error: Called with the error that ends reading permanently.
        topic: Topic to read.
        group: Consumer group to join.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        offer: Offer,
        on_error: Callable[[BaseException], None],
        *,
        topic: str,
        group: str,
    ) -> None:
        super().__init__(kafka, on_error, topic=topic, group=group)
        self._offer = offer
        self._batch_max = kafka.batch_max
        self._batch_bytes = kafka.batch_max_mib * 1024 * 1024
        self._reading = False
        self._first_reading = threading.Event()
        self._backlog = False

    def stop(self) -> None:
        """Finish the batches in flight, leave the group, and return when the thread has ended."""
        self._stopping.set()
        self._in_flight.notify()
        super().stop()

    def set_reading(self, *, enabled: bool) -> None:
        """Start reading, or stop reading but stay in the group. A new source joins the group when it starts reading.

        Until then, the members that it replaces or joins keep their partitions: a process that is still loading models
        would hold partitions that nobody reads.
        """
        self._reading = enabled
        if enabled:
            self._first_reading.set()

    def _run(self) -> None:
        try:
            while not self._first_reading.wait(POLL_S):
                if self._stopping.is_set():
                    return
            self.join()
            while not self._stopping.is_set():
                if not self._reading:
                    self._poll_paused(until=lambda: self._reading)
                self._await_turn()
                if self._stopping.is_set():
                    break
                self._commit_consumed()
                self._rewind_if_wanted()
                batch = self._read()
                if batch is not None:
                    self._hand_over(batch)
        except KafkaException as error:
            self._on_error(KafkaError(f"reading {self._topic}: {error.args[0].str()}; check the broker and its log"))
        except BaseException as error:  # noqa: BLE001 - the worker must learn of any error that ends the thread
            self._on_error(error)
        finally:
            self._consumer.close()

    def _await_turn(self) -> None:
        """Wait until the next batch can be processed at once.

        A batch that is read early waits for the commit of the previous batch; a batch that is read late also includes
        the messages that arrived in the meantime, at no extra cost: a commit takes longer than scoring a small batch.
        Only full batches are worth reading ahead, so that neither scoring nor committing waits for the other.
        """
        # A rewind waits until no batch is in flight (see `_rewind_if_wanted`).
        limit = READ_AHEAD if self._backlog and not self._rewind_wanted else 1
        if not self._in_flight.wait_below(limit, BLOCKED_S, or_when=self._stopping.is_set):
            self._poll_paused(until=lambda: len(self._in_flight) < limit)

    def _read(self) -> Batch | None:
        first = self._consumer.poll(POLL_S)
        if first is None:
            self._backlog = False
            return None
        epoch = self._epoch  # a rebalance served inside `poll` precedes its message
        # `consume(n, t)` waits for its full timeout, so it only collects messages that are already available.
        messages = [first, *self._consumer.consume(self._batch_max - 1, 0)]
        messages = [message for message in messages if message.error() is None or self._note_error(message)]
        with self._lock:
            if self._epoch != epoch:
                self._rewind_wanted = True  # the messages may belong to two assignments
            if self._rewind_wanted or not messages:
                return None
        return self._batch(messages, epoch)

    def _batch(self, messages: list[Any], epoch: int) -> Batch:
        read_at = time.monotonic()
        partitions = [message.partition() for message in messages]
        offsets = [message.offset() for message in messages]
        # Offsets rise within a partition, so the last offset wins.
        end = {partition: offset + 1 for partition, offset in zip(partitions, offsets, strict=True)}
        start = {partition: self._positions[partition] for partition in end if partition in self._positions}
        self._positions.update(end)
        values = [message.value() for message in messages]
        raw = RawBatch(self._topic, values, partitions, offsets)
        # Large messages fill the client's queue before they fill a batch, so half of the batch's bytes is enough.
        full = len(messages) == self._batch_max
        self._backlog = full or sum(map(len, filter(None, values))) * 2 > self._batch_bytes
        return Batch(messages, raw, self._metadata, epoch, start, end, read_at)

    def _note_error(self, message: Any) -> bool:
        """Handle an error delivered instead of a message, and return False, because it does not belong to the batch.

        Raises:
            KafkaError: If retrying cannot help.
        """
        error = message.error()
        if error.code() == Code._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
            self._ends[message.partition()] = message.offset()
        elif error.fatal() or error.code() in _PERMANENT:
            raise KafkaError(
                f"cannot read {self._topic}: {error.str()}; grant the user Read on the topic and on group {self._group}"
            )
        else:
            log.warning("reading %s: %s; the client retries", self._topic, error.str())
        return False

    def _hand_over(self, batch: Batch) -> None:
        self._in_flight.add()
        accepted = self._offer(batch)
        try:
            accepted.result(BLOCKED_S)
        except FutureTimeoutError:
            self._poll_paused(until=accepted.done)

    def _poll_paused(self, until: Callable[[], bool]) -> None:
        """Serve rebalances without reading, until a condition holds or the source stops."""
        while not until() and not self._stopping.is_set():
            self._consumer.pause(self._consumer.assignment())  # every time: a rebalance may have added partitions
            message = self._consumer.poll(POLL_S)
            if message is not None and (message.error() is None or self._note_error(message)):
                self.fail()  # the message arrived before the pause: read it again
        self._consumer.resume(self._consumer.assignment())


#: Errors that retrying does not resolve.
_PERMANENT = frozenset(
    {
        Code.TOPIC_AUTHORIZATION_FAILED,
        Code.GROUP_AUTHORIZATION_FAILED,
        Code._AUTHENTICATION,  # noqa: SLF001 - as above
        Code.UNSUPPORTED_VERSION,
    }
)

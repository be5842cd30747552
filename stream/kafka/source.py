"""The batch source: a thread that reads what is there and hands it to the batch channel.

It owns the consumer: reading, rebalances and rewinds all happen on its thread; others only raise the epoch
(`fail`) or ask questions. Partitions are assigned eagerly on purpose: then no batch outlives the group generation
it was read under, and its commit is either whole or refused.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka import KafkaError as Code

from schemas.errors import KafkaError
from stream.kafka.batch import Batch
from stream.kafka.clients import consumer_config
from stream.kafka.lag import Lag
from stream.runtime.background import Background
from stream.runtime.in_flight import InFlight
from stream.scoring.raw_batch import RawBatch
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds `poll` waits for a first message; also how soon a stop or a rewind is noticed on a quiet topic.
POLL_S = 0.1
#: Seconds a full channel may block reading before the consumer is paused and polled, so that rebalances are
#: served. Pausing at every batch costs ten times the throughput.
BLOCKED_S = 1.0
#: Batches in hand while there is a backlog: one committed, one scored, one read. Without a backlog there is one.
READ_AHEAD = 3
#: Seconds a revoke waits for the batches in hand; what is not committed by then is dropped and read again.
DRAIN_S = 3.0
#: Seconds to ask for committed offsets before trying again.
COMMITTED_S = 5.0

Offer = Callable[[Batch], "Future[None]"]


class BatchSource(Background):
    """Reads a topic in batches.

    Args:
        kafka: Addresses and batch limits.
        offer: Takes a batch; its future is done once there was room.
        on_error: Called with whatever ends reading for good.
        topic: Topic to read.
        group: Consumer group.

    Attributes:
        assigned: Partitions this worker reads.
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
        super().__init__("batch-source")
        self._topic = topic
        self._group = group
        self._batch_max = kafka.batch_max
        self._offer = offer
        self._on_error = on_error
        self._consumer = Consumer(
            consumer_config(kafka)
            | {
                "group.id": self._group,
                "client.id": f"{self._group}-{kafka.slot}",
                "session.timeout.ms": kafka.session_timeout_ms,
                "heartbeat.interval.ms": max(kafka.session_timeout_ms // 3, 300),
                "partition.assignment.strategy": "range",
            }
        )
        self._lag = Lag(kafka, self._topic, self._group)
        self._metadata: Any = None
        self._batch_bytes = kafka.batch_max_mib * 1024 * 1024
        self._lock = threading.Lock()
        self._epoch = 0
        self._in_flight = InFlight()
        self._rewind_wanted = False
        self._reading = False
        self._backlog = False
        # By partition: the offset reading stands at, and the end it has reached, transaction markers included.
        self._positions: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        # By partition: what `commit` was told and the group not yet.
        self._consumed: dict[int, int] = {}
        self.assigned: tuple[int, ...] = ()

    @property
    def epoch(self) -> int:
        """Rises with every failure and every rebalance; a batch of an older one is stale."""
        return self._epoch

    @property
    def in_flight(self) -> InFlight:
        """The batches handed over and not yet done."""
        return self._in_flight

    def start(self) -> None:
        """Join the group and begin to read."""
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        super().start()

    def stop(self) -> None:
        """Finish the batches in hand, leave the group, and return when the thread has ended."""
        self._stopping.set()
        self._in_flight.wake()
        super().stop()

    def commit(self, batch: Batch) -> None:
        """Have a batch's offsets committed outside any transaction, for delivery at least once.

        The reading thread does it before it reads on: a consumer that is polled again and again keeps calls from
        other threads waiting for seconds, or for ever.
        """
        with self._lock:
            if batch.epoch == self._epoch:
                self._consumed.update(batch.end)

    def done(self) -> None:
        """Say that a batch in hand was committed, refused or discarded."""
        self._in_flight.settle()

    def read(self, *, on: bool) -> None:
        """Begin to read, or stop reading but stay in the group. A new source does not read yet."""
        self._reading = on

    def fail(self) -> None:
        """Make every batch read so far stale, and read again from the group's committed offsets."""
        with self._lock:
            self._epoch += 1
            self._rewind_wanted = True

    def lag(self, timeout: float) -> int:
        """Ask the broker how many offsets are left to read.

        Transaction markers take offsets but are never read; an end the reader has reached counts as read. Without
        partitions, the broker is asked all the same, and nothing is left to this worker.

        Raises:
            BrokerUnavailableError: If no broker answers within `timeout` seconds.
        """
        reached = {partition: self._positions.get(partition) for partition in self.assigned}
        for partition, end in list(self._ends.items()):  # a copy: the reading thread goes on
            if partition in reached:
                reached[partition] = max(reached[partition] or 0, end)
        return self._lag.left(reached, timeout)

    def _run(self) -> None:
        try:
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
            self._on_error(KafkaError(f"reading {self._topic}: {error.args[0].str()}; look at the broker and its log"))
        except BaseException as error:  # noqa: BLE001 - whatever else ends the thread must reach the worker
            self._on_error(error)
        finally:
            self._consumer.close()

    def _await_turn(self) -> None:
        """Read no sooner than a batch can be worked on.

        A batch read early waits for the commit of the one before it, while one read late takes along what has come
        meanwhile, for the same price: a commit takes longer than scoring a small batch. Only full batches are worth
        reading ahead, so that neither scoring nor committing waits for the other.
        """
        # A rewind waits for all of them: see `_rewind_if_wanted`.
        most = READ_AHEAD if self._backlog and not self._rewind_wanted else 1
        if not self._in_flight.wait_below(most, BLOCKED_S, or_when=self._stopping.is_set):
            self._poll_paused(until=lambda: len(self._in_flight) < most)

    def _read(self) -> Batch | None:
        first = self._consumer.poll(POLL_S)
        if first is None:
            self._backlog = False
            return None
        epoch = self._epoch  # a rebalance served inside `poll` precedes its message
        # `consume(n, t)` waits out the whole timeout, so it is asked only for what is there already.
        messages = [first, *self._consumer.consume(self._batch_max - 1, 0)]
        messages = [message for message in messages if message.error() is None or self._note_error(message)]
        with self._lock:
            if self._epoch != epoch:
                self._rewind_wanted = True  # these may be of two assignments
            if self._rewind_wanted or not messages:
                return None
        return self._batch(messages, epoch)

    def _batch(self, messages: list[Any], epoch: int) -> Batch:
        read_at = time.monotonic()
        partitions = [message.partition() for message in messages]
        offsets = [message.offset() for message in messages]
        # Offsets rise within a partition, so the last one wins.
        end = {partition: offset + 1 for partition, offset in zip(partitions, offsets, strict=True)}
        start = {partition: self._positions[partition] for partition in end if partition in self._positions}
        self._positions.update(end)
        values = [message.value() for message in messages]
        incoming = RawBatch(self._topic, values, partitions, offsets)
        # Large messages fill the client's queue before they fill a batch, hence half of its bytes.
        full = len(messages) == self._batch_max
        self._backlog = full or sum(map(len, filter(None, values))) * 2 > self._batch_bytes
        return Batch(messages, incoming, self._metadata, epoch, start, end, read_at)

    def _note_error(self, message: Any) -> bool:
        """Take in what is no transaction; always False, for it is not part of the batch."""
        error = message.error()
        if error.code() == Code._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with _
            self._ends[message.partition()] = message.offset()
        elif error.fatal() or error.code() in _HOPELESS:
            raise KafkaError(
                f"{self._topic} may not be read: {error.str()}; grant the user Read on the topic and on group "
                f"{self._group}"
            )
        else:
            log.warning("reading %s: %s; the client tries again", self._topic, error.str())
        return False

    def _hand_over(self, batch: Batch) -> None:
        self._in_flight.add()
        room = self._offer(batch)
        try:
            room.result(BLOCKED_S)
        except FutureTimeoutError:
            self._poll_paused(until=room.done)

    def _poll_paused(self, until: Callable[[], bool]) -> None:
        """Serve rebalances without reading, until something holds or the source stops."""
        while not until() and not self._stopping.is_set():
            self._consumer.pause(self._consumer.assignment())  # again each time: a rebalance may have added some
            message = self._consumer.poll(POLL_S)
            if message is not None and (message.error() is None or self._note_error(message)):
                self.fail()  # it came in before the pause: read it again
        self._consumer.resume(self._consumer.assignment())

    def _commit_consumed(self) -> None:
        """Send the group what was consumed; what is lost on the way is read again.

        Not waiting for the answer is enough: all a member's requests reach its coordinator in their order, also
        the next question for committed offsets and the farewell to the group.
        """
        with self._lock:
            consumed, self._consumed = self._consumed, {}
        if consumed:
            offsets = [TopicPartition(self._topic, partition, end) for partition, end in consumed.items()]
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def _rewind_if_wanted(self) -> None:
        # Not while a batch is in hand: it may be past the look at its epoch and commit after the question was answered,
        # and then it would be read, and decided, again.
        with self._lock:
            if not self._rewind_wanted or self._in_flight:
                return
            self._rewind_wanted = False
        positions = self._rewind()
        if positions is None:
            with self._lock:
                self._rewind_wanted = True  # until then whatever is read is dropped
            return
        self._positions.clear()
        self._positions.update(positions)
        self._ends.clear()

    def _rewind(self) -> dict[int, int] | None:
        """Read on from what is committed.

        Returns:
            By partition, where reading stands, as far as that is known already; None when it must be tried again.
        """
        try:
            # Waits for this group's transactions whose offsets were sent: a commit in doubt is in or out by now.
            for place in self._consumer.committed(self._consumer.assignment(), timeout=COMMITTED_S):
                if place.error is not None:
                    raise KafkaException(place.error)  # noqa: TRY301 - one handler for the call's and the place's
                place.offset = place.offset if place.offset >= 0 else OFFSET_BEGINNING
                self._consumer.seek(place)
        except KafkaException as error:
            log.warning("committed offsets: %s; asking again", error.args[0].str())
            return None
        return {}

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # A partition that was lost while it was paused comes back paused.
        consumer.assign(partitions)
        consumer.resume(partitions)
        # Taken here, not at each batch: a member that the group has just expelled has metadata without a
        # generation, which the broker would not fence. An eager assignment lasts as long as its generation.
        self._metadata = self._consumer.consumer_group_metadata()
        self._move_to([place.partition for place in partitions])

    def _on_revoke(self, _: Consumer, __: list[TopicPartition]) -> None:
        if not self._in_flight.wait_below(1, DRAIN_S):
            log.warning(
                "partitions moved with %d batches in hand; their new owner reads them again", len(self._in_flight)
            )
        self._commit_consumed()
        self._move_to([])

    def _on_lost(self, _: Consumer, __: list[TopicPartition]) -> None:
        log.warning("the group gave this worker's partitions away; joining again")
        self._move_to([])

    def _move_to(self, partitions: list[int]) -> None:
        with self._lock:
            self._epoch += 1
            self._rewind_wanted = False
            self._consumed.clear()
        self._positions.clear()
        self._ends.clear()
        self.assigned = tuple(sorted(partitions))
        log.info("assigned partitions of %s: %s", self._topic, list(self.assigned))


_HOPELESS = frozenset(
    {
        Code.TOPIC_AUTHORIZATION_FAILED,
        Code.GROUP_AUTHORIZATION_FAILED,
        Code._AUTHENTICATION,  # noqa: SLF001 - as above
        Code.UNSUPPORTED_VERSION,
    }
)

"""A member of a consumer group: the partitions it is assigned, its positions in them, and its epoch.

Partitions are assigned eagerly on purpose: no batch then outlives the group generation it was read in, and its
commit either succeeds or is rejected as a whole.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from stream.kafka.batch import Batch
from stream.kafka.clients import member_config
from stream.kafka.lag import LagReader
from stream.runtime.background import Background
from stream.runtime.in_flight import InFlight
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds that a revoke waits for the batches in flight; batches not committed by then are dropped and read again.
DRAIN_S = 3.0
#: Seconds to wait for the response to a query for committed offsets before trying again.
COMMITTED_S = 5.0


class GroupMember(Background):
    """Owns the consumer of one topic on a thread of its own.

    Rebalances and rewinds happen on that thread; other threads only raise the epoch (`fail`), report consumed batches
    and query the lag.

    Args:
        kafka: Settings for the Kafka connection, the process's slot (its fixed name in the group) and the batch limits.
        on_error: Called with the error that ends reading permanently.
        topic: Topic to read.
        group: Consumer group to join.

    Attributes:
        assigned: The partitions assigned to this member.
    """

    def __init__(
        self, kafka: KafkaSettings, on_error: Callable[[BaseException], None], *, topic: str, group: str
    ) -> None:
        super().__init__("batch-source")
        self._topic = topic
        self._group = group
        self._on_error = on_error
        self._consumer = Consumer(member_config(kafka, group, "range"))
        self._lag = LagReader(kafka, topic, group)
        self._metadata: Any = None
        self._lock = threading.Lock()
        self._epoch = 0
        self._in_flight = InFlight()
        self._rewind_wanted = False
        # For each partition: the next offset to read, and the end offset that was reached, including transaction
        # markers.
        self._positions: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        # For each partition: the offset that was passed to `commit` but has not been sent to the group yet.
        self._consumed: dict[int, int] = {}
        self.assigned: tuple[int, ...] = ()

    @property
    def epoch(self) -> int:
        """A number that rises with every failure and every rebalance. A batch from an earlier epoch is stale."""
        return self._epoch

    @property
    def in_flight(self) -> InFlight:
        """The batches that have been handed over and are not yet done."""
        return self._in_flight

    def join(self) -> None:
        """Join the group. Every join takes all partitions away from all members for a moment, so do it once ready."""
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def commit(self, batch: Batch) -> None:
        """Request a commit of a batch's offsets outside any Kafka transaction, for at-least-once delivery.

        The reading thread commits the offsets before it resumes reading: a consumer that is polled continuously blocks
        calls from other threads for seconds, or forever.
        """
        with self._lock:
            if batch.epoch == self._epoch:
                self._consumed.update(batch.end)

    def done(self) -> None:
        """Report that a batch in flight was committed, rejected or discarded."""
        self._in_flight.complete()

    def fail(self) -> None:
        """Make every batch read so far stale, and resume reading at the group's committed offsets."""
        with self._lock:
            self._epoch += 1
            self._rewind_wanted = True

    def lag(self, timeout: float) -> int:
        """Return the number of offsets left to read, as the broker reports them.

        Transaction markers occupy offsets but are never read. So once the reader has reached the end of a partition,
        all offsets before that end count as read. A member without partitions has a lag of 0, but still queries the
        broker.

        Args:
            timeout: Seconds to wait for each response from the broker.

        Raises:
            BrokerUnavailableError: If no broker responds in time.
        """
        positions = {partition: self._positions.get(partition) for partition in self.assigned}
        for partition, end in list(self._ends.items()):  # a copy, because the reading thread changes it
            if partition in positions:
                positions[partition] = max(positions[partition] or 0, end)
        return self._lag.lag(positions, timeout)

    def _commit_consumed(self) -> None:
        """Send the consumed offsets to the group. If the request is lost, the batches are read again.

        There is no need to wait for the response: all requests from a member reach its coordinator in order, including
        the next query for committed offsets and the request to leave the group.
        """
        with self._lock:
            consumed, self._consumed = self._consumed, {}
        if consumed:
            offsets = [TopicPartition(self._topic, partition, end) for partition, end in consumed.items()]
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def _rewind_if_wanted(self) -> None:
        # Wait until no batch is in flight: a batch that has passed its epoch check could commit after the committed
        # offsets were read, and would then be read and decided again.
        with self._lock:
            if not self._rewind_wanted or self._in_flight:
                return
            self._rewind_wanted = False
        positions = self._rewind()
        if positions is None:
            with self._lock:
                self._rewind_wanted = True  # until it succeeds, everything that is read is dropped
            return
        self._positions.clear()
        self._positions.update(positions)
        self._ends.clear()

    def _rewind(self) -> dict[int, int] | None:
        """Seek to the committed offsets.

        Returns:
            The next offset to read for each partition where it is already known; None if the rewind must be retried.
        """
        try:
            # This call waits for the group's open Kafka transactions, so it also resolves a commit whose outcome was
            # unknown.
            for partition in self._consumer.committed(self._consumer.assignment(), timeout=COMMITTED_S):
                if partition.error is not None:
                    raise KafkaException(partition.error)  # noqa: TRY301 - one handler for the call's and the partition's
                partition.offset = partition.offset if partition.offset >= 0 else OFFSET_BEGINNING
                self._consumer.seek(partition)
        except KafkaException as error:
            log.warning("cannot read the committed offsets: %s; retrying", error.args[0].str())
            return None
        return {}

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # A partition that was lost while paused is still paused when it comes back.
        consumer.assign(partitions)
        consumer.resume(partitions)
        # Read here rather than for each batch: the metadata of a member that the group has just expelled has no
        # generation, and the broker would not fence the member. An eager assignment lasts as long as
        # its generation.
        self._metadata = self._consumer.consumer_group_metadata()
        self._set_assignment([each.partition for each in partitions])

    def _on_revoke(self, _: Consumer, __: list[TopicPartition]) -> None:
        if not self._in_flight.wait_below(1, DRAIN_S):
            log.warning(
                "partitions moved with %d batches in flight; their new owner reads them again", len(self._in_flight)
            )
        self._commit_consumed()
        self._set_assignment([])

    def _on_lost(self, _: Consumer, __: list[TopicPartition]) -> None:
        log.warning("the group reassigned this worker's partitions; joining again")
        self._set_assignment([])

    def _set_assignment(self, partitions: list[int]) -> None:
        with self._lock:
            self._epoch += 1
            self._rewind_wanted = False
            self._consumed.clear()
        self._positions.clear()
        self._ends.clear()
        self.assigned = tuple(sorted(partitions))
        log.info("assigned partitions of %s: %s", self._topic, list(self.assigned))

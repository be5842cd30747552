"""A batch source that keeps its offsets in a store, next to the rows made from the messages, and not in Kafka.

The consumer group only distributes the partitions; nothing is committed to it. A member claims each of its
assigned partitions in the store, which raises the partition's ownership epoch, and reads from the offset stored there.
A batch carries the claims it was read under (`Batch.metadata`), so the store can reject batches from an earlier owner.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import Consumer, TopicPartition

from schemas.errors import KafkaError, StoreUnavailableError
from stream.kafka.batch import Batch
from stream.kafka.source import BatchSource, Offer
from stream.settings import KafkaSettings

#: Seconds to wait after the first failed claim, and the maximum wait. Each further failure doubles the wait.
BACKOFF_S = (0.1, 2.0)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim on a partition, which is ours until another member claims it."""

    #: Ownership epoch, which rises by one with each claim.
    owner_epoch: int
    #: Next offset to read.
    next_offset: int


class OffsetStore(Protocol):
    """A store that keeps offsets and, if possible, the owners of partitions."""

    #: Name of the store in one word, for error messages.
    name: str

    def claim(self, topic: str, partitions: Sequence[int]) -> Mapping[int, Claim]:
        """Claim partitions and return the claims by partition.

        Raises:
            StoreUnavailableError: If the store is not responding; the claim is retried later.
        """


class StoredSource(BatchSource):
    """Reads one topic from the offsets in a store.

    Args:
        kafka: Settings for the Kafka connection, the process's slot (its fixed name in the group) and the batch limits.
        store: Store of the offsets; called at each assignment and after each failure, on the reading thread.
        offer: Function that hands a batch to the channel, and returns a future that is done once the channel has
            accepted the batch.
        on_error: Called with the error that ends reading permanently.
        topic: Topic to read.
        group: Consumer group that distributes the topic's partitions.

    Attributes:
        joined: Whether the group has responded and every assigned partition is claimed.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        store: OffsetStore,
        offer: Offer,
        on_error: Callable[[BaseException], None],
        *,
        topic: str,
        group: str,
    ) -> None:
        super().__init__(kafka, offer, on_error, topic=topic, group=group)
        self._store = store
        self._back_off_s = kafka.session_timeout_ms / 1000
        self._failures = 0
        self._next_claim = 0.0  # time.monotonic()
        self.joined = False

    def back_off(self) -> None:
        """Make all batches stale because another member has claimed one of our partitions.

        Reclaiming the partition at once could take it from its rightful owner. So this member waits one session
        timeout for the group to revoke the partition, and then claims it again if it is still assigned.
        """
        self._next_claim = time.monotonic() + self._back_off_s
        self.fail()

    def _rewind(self) -> dict[int, int] | None:
        if time.monotonic() < self._next_claim:
            self._consumer.assign([])  # otherwise messages would be read and dropped in the meantime
            return None
        try:
            # Called even without partitions, to find out whether the store is responding.
            claims = self._store.claim(self._topic, self.assigned)
        except StoreUnavailableError:
            first, longest = BACKOFF_S
            self._next_claim = time.monotonic() + min(first * 2**self._failures, longest)
            self._failures += 1
            return None
        self._failures = 0
        self._metadata = {partition: claim.owner_epoch for partition, claim in claims.items()}
        starts = [TopicPartition(self._topic, partition, claim.next_offset) for partition, claim in claims.items()]
        self._consumer.assign(starts)
        self._consumer.resume(starts)  # a partition that was lost while it was paused comes back paused
        self.joined = True
        return {start.partition: start.offset for start in starts}

    def _batch(self, messages: list[Any], epoch: int) -> Batch:
        batch = super()._batch(messages, epoch)
        for partition, offset in batch.first.items():
            if offset < batch.start[partition]:
                raise KafkaError(
                    f"{self._topic}/{partition} continues at offset {offset}, but was read up to "
                    f"{batch.start[partition]}: the topic was recreated; give it another name (FRAUD_TOPIC_...) or "
                    f"start a new {self._store.name}"
                )
        return batch

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # No partition is fetched before it is claimed: `_rewind` assigns them, with the offsets from the store.
        consumer.assign([])
        self._set_assignment([each.partition for each in partitions])
        with self._lock:
            self._rewind_wanted = True

    def _set_assignment(self, partitions: list[int]) -> None:
        self.joined = False
        super()._set_assignment(partitions)

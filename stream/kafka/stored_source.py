"""A batch source whose offsets stand where its rows do, in a database or an archive, not in Kafka.

The group only shares partitions out; nothing is ever committed to it. Whoever is given a partition claims it in the
store, which raises the partition's ownership epoch, and reads on from the offset that stands there. A batch carries
the claims it was read under (`Batch.metadata`), so the store can refuse what an earlier owner still holds.
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

#: Seconds to wait after the first claim that failed; doubled by each further one, up to the second figure.
BACKOFF_S = (0.1, 2.0)


@dataclass(frozen=True, slots=True)
class Claim:
    """A partition that is ours until somebody claims it after us."""

    #: Ownership epoch: rises by one with each claim.
    owner_epoch: int
    #: The offset to read next.
    next_offset: int


class OffsetStore(Protocol):
    """Keeps offsets, and their owners where it can."""

    #: What it is, in one word, for people who must begin a new one.
    name: str

    def claim(self, topic: str, partitions: Sequence[int]) -> Mapping[int, Claim]:
        """Make partitions ours and say where to read on.

        Raises:
            StoreUnavailableError: If the store does not answer; it will be asked again.
        """


class StoredSource(BatchSource):
    """Reads one topic from the offsets that a store holds.

    Args:
        kafka: Addresses and batch limits.
        store: Asked at each assignment and after each failure, on the reading thread.
        offer: Takes a batch; its future is done once there was room.
        on_error: Called with whatever ends reading for good.
        topic: Read.
        group: Shares its partitions out.

    Attributes:
        joined: Whether the group has answered and every partition it gave is claimed.
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
        self._give_way_s = kafka.session_timeout_ms / 1000
        self._failures = 0
        self._next_claim = 0.0  # time.monotonic()
        self.joined = False

    def back_off(self) -> None:
        """As `fail`, for a batch whose partition another has claimed since.

        Claiming it back at once would only take it from its rightful owner. So the group gets a session's time to say
        that it was taken from us; if it never does, it is ours after all.
        """
        self._next_claim = time.monotonic() + self._give_way_s
        self.fail()

    def _rewind(self) -> dict[int, int] | None:
        if time.monotonic() < self._next_claim:
            self._consumer.assign([])  # or the topic would be read, and dropped, meanwhile
            return None
        try:
            # Of no partitions too: a member without any still wants to know whether the store answers.
            claims = self._store.claim(self._topic, self.assigned)
        except StoreUnavailableError:
            first, most = BACKOFF_S
            self._next_claim = time.monotonic() + min(first * 2**self._failures, most)
            self._failures += 1
            return None
        self._failures = 0
        self._metadata = {partition: claim.owner_epoch for partition, claim in claims.items()}
        places = [TopicPartition(self._topic, partition, claim.next_offset) for partition, claim in claims.items()]
        self._consumer.assign(places)
        self._consumer.resume(places)  # a partition that was lost while it was paused comes back paused
        self.joined = True
        return {place.partition: place.offset for place in places}

    def _batch(self, messages: list[Any], epoch: int) -> Batch:
        batch = super()._batch(messages, epoch)
        partitions, offsets = reversed(batch.raw.partitions), reversed(batch.raw.offsets)
        for partition, offset in dict(zip(partitions, offsets, strict=True)).items():  # the first of each partition
            if offset < batch.start[partition]:
                raise KafkaError(
                    f"{self._topic}/{partition} gives offset {offset}, but up to {batch.start[partition]} was read "
                    "already: it was made anew; give it another name (FRAUD_TOPIC_...) or begin a new "
                    f"{self._store.name}"
                )
        return batch

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Nothing is fetched before it is claimed: `_rewind` begins, from where the store says.
        consumer.assign([])
        self._move_to([place.partition for place in partitions])
        with self._lock:
            self._rewind_wanted = True

    def _move_to(self, partitions: list[int]) -> None:
        self.joined = False
        super()._move_to(partitions)

"""The other end: committed decisions as they become visible, when each came and how often."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import Consumer, KafkaException, TopicPartition
from numpy.typing import NDArray

from schemas.errors import BrokerAwayError, FraudError
from stream.kafka.clients import CONNECT_S, consumer_config
from stream.kafka.topics import partitions_of
from stream.runtime.background import Background
from stream.settings import Settings

#: Messages read at once at most.
READ_MAX = 10_000
#: Seconds to go on reading after the last decision came, for repeats.
REPEATS_S = 0.5


class _Identity(msgspec.Struct):
    transaction_id: str


_decode_identity = msgspec.json.Decoder(_Identity).decode


class DecisionReader(Background):
    """Reads decisions, committed ones only, on a thread of its own, from where the topic ends when it is made.

    Args:
        settings: Addresses and topics.
        count: How many transactions there will be.
        index_of: From a transaction_id to 0 … count-1.
        keep_values: Keep each decision's bytes.

    Attributes:
        arrived_ns: (count,) `time.monotonic_ns()` of the first decision; 0 while there is none.
        seen: (count,) decisions seen for each.
        values: Bytes of the last decision for each, if they are kept.
        dead_letters: Dead letters seen.
    """

    def __init__(
        self,
        settings: Settings,
        count: int,
        *,
        index_of: Callable[[str], int] = int,
        keep_values: bool = False,
    ) -> None:
        super().__init__("decision-reader")
        self.arrived_ns: NDArray[np.int64] = np.zeros(count, dtype=np.int64)
        self.seen: NDArray[np.uint16] = np.zeros(count, dtype=np.uint16)
        self.values: list[bytes | None] = [None] * (count if keep_values else 0)
        self.dead_letters = 0
        self._index_of = index_of
        self._keep_values = keep_values
        self._topic = settings.topic.decisions
        self._missing = count
        self._last_ns = time.monotonic_ns()
        self._failure: BaseException | None = None
        # A group id is required but never used: partitions are assigned by hand and nothing is committed.
        own = {
            "group.id": f"{settings.kafka.group}-decision-reader",
            "enable.partition.eof": False,
            "fetch.wait.max.ms": 100,
        }
        self._consumer = Consumer(consumer_config(settings) | own)
        try:
            self._consumer.assign(
                [
                    self._end(topic, partition)
                    for topic in (settings.topic.decisions, settings.topic.dead_letters)
                    for partition in partitions_of(self._consumer, settings, topic)
                ]
            )
        except FraudError:
            self._consumer.close()
            raise

    def stop(self) -> None:
        """Stop reading."""
        super().stop()
        self._consumer.close()

    @property
    def arrived(self) -> int:
        """Transactions that are settled: decided, or dead letters."""
        return len(self.seen) - self._missing

    def wait(self, quiet_s: float, on_arrived: Callable[[int], object] = lambda _: None) -> bool:
        """Wait until every transaction is settled, and a little longer for repeats, or nothing new came for a while.

        Args:
            quiet_s: Seconds without anything new after which to give up.
            on_arrived: Told how many have arrived so far.

        Returns:
            Whether all have arrived.
        """
        whole = self.wait_for(len(self.seen), quiet_s, on_arrived)
        time.sleep(REPEATS_S)
        return whole

    def wait_for(self, count: int, quiet_s: float, on_arrived: Callable[[int], object] = lambda _: None) -> bool:
        """Wait until `count` transactions are settled; otherwise as `wait`."""
        waiting_since = time.monotonic_ns()
        while self.arrived < count:
            if self._failure is not None:
                raise self._failure
            if time.monotonic_ns() - max(self._last_ns, waiting_since) > quiet_s * 1e9:
                return False
            on_arrived(self.arrived)
            time.sleep(0.02)
        on_arrived(self.arrived)
        return True

    def _end(self, topic: str, partition: int) -> TopicPartition:
        # OFFSET_END is looked up after this, in the client's own time, and what comes before would be missed.
        place = TopicPartition(topic, partition)
        try:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=CONNECT_S)[1]
        except KafkaException as error:
            raise BrokerAwayError(f"{topic} cannot be read: {error.args[0].str()}; look at the broker's log") from None
        return place

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                first = self._consumer.poll(0.1)
                if first is not None:
                    # `consume(n, t)` waits out the whole timeout, so it is asked only for what is there already.
                    self._take([first, *self._consumer.consume(READ_MAX - 1, 0)])
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread must reach the one who waits
            self._failure = error

    def _take(self, messages: list[Any]) -> None:
        now_ns = time.monotonic_ns()
        for message in messages:
            if message.error() is not None:
                continue
            self._last_ns = now_ns
            if message.topic() != self._topic:
                self.dead_letters += 1
                self._missing -= 1
                continue
            value = message.value()
            index = self._index_of(_decode_identity(value).transaction_id)
            self.seen[index] += 1
            if self._keep_values:
                self.values[index] = value
            if not self.arrived_ns[index]:
                self.arrived_ns[index] = now_ns
                self._missing -= 1

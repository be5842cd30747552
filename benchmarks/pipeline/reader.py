"""A reader of committed decisions that records when each decision becomes visible, and how often."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import Consumer, KafkaException, TopicPartition
from numpy.typing import NDArray

from schemas.errors import BrokerUnavailableError, FraudError
from stream.kafka.clients import CONNECT_S, consumer_config
from stream.kafka.topics import partitions_of
from stream.runtime.background import Background
from stream.settings import Settings

#: Maximum number of messages read in one call.
READ_MAX = 10_000
#: Seconds to keep reading after the last expected decision, to catch repeats.
REPEATS_S = 0.5


class _TransactionId(msgspec.Struct):
    transaction_id: str


_decode_id = msgspec.json.Decoder(_TransactionId).decode


class DecisionReader(Background):
    """Reads the decisions and dead letters committed after its construction, on a thread of its own.

    Args:
        settings: Kafka connection and topic names.
        count: Number of transactions to expect.
        index_of: Function from a transaction_id to its index, 0 … count-1.
        keep_values: Whether to keep the bytes of each decision.

    Attributes:
        arrived_ns: (count,) `time.monotonic_ns()` of the first decision on each transaction; 0 until it arrives.
        decision_counts: (count,) number of decisions on each transaction.
        values: Bytes of the last decision on each transaction; empty unless `keep_values`.
        dead_letters: Number of dead letters.
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
        self.decision_counts: NDArray[np.uint16] = np.zeros(count, dtype=np.uint16)
        self.values: list[bytes | None] = [None] * (count if keep_values else 0)
        self.dead_letters = 0
        self._index_of = index_of
        self._keep_values = keep_values
        self._topic = settings.topic.decisions
        self._pending = count
        self._last_ns = time.monotonic_ns()
        self._failure: BaseException | None = None
        # A group id is required but never used: partitions are assigned by hand and nothing is committed.
        overrides = {
            "group.id": f"{settings.kafka.group}-decision-reader",
            "enable.partition.eof": False,
            "fetch.wait.max.ms": 100,
        }
        self._consumer = Consumer(consumer_config(settings.kafka) | overrides)
        try:
            self._consumer.assign(
                [
                    self._end(topic, partition)
                    for topic in (settings.topic.decisions, settings.topic.dead_letters)
                    for partition in partitions_of(self._consumer, settings.kafka, topic)
                ]
            )
        except FraudError:
            self._consumer.close()
            raise

    def stop(self) -> None:
        """Stop reading and close the consumer."""
        super().stop()
        self._consumer.close()

    @property
    def settled(self) -> int:
        """Number of transactions with a decision or a dead letter."""
        return len(self.decision_counts) - self._pending

    def wait_for_all(self, stall_s: float, on_settled: Callable[[int], object] = lambda _: None) -> bool:
        """Wait until every transaction has a result, and `REPEATS_S` longer for repeats.

        Args:
            stall_s: Seconds without a new message after which to give up.
            on_settled: Called with the number of transactions that have a result so far.

        Returns:
            Whether all transactions have a result.
        """
        complete = self.wait_for(len(self.decision_counts), stall_s, on_settled)
        time.sleep(REPEATS_S)
        return complete

    def wait_for(self, count: int, stall_s: float, on_settled: Callable[[int], object] = lambda _: None) -> bool:
        """Wait until `count` transactions have a result; arguments and result are as in `wait_for_all`."""
        waiting_since = time.monotonic_ns()
        while self.settled < count:
            if self._failure is not None:
                raise self._failure
            if time.monotonic_ns() - max(self._last_ns, waiting_since) > stall_s * 1e9:
                return False
            on_settled(self.settled)
            time.sleep(0.02)
        on_settled(self.settled)
        return True

    def _end(self, topic: str, partition: int) -> TopicPartition:
        # The client resolves OFFSET_END later, on its own schedule, and would miss messages that arrive before that.
        end = TopicPartition(topic, partition)
        try:
            end.offset = self._consumer.get_watermark_offsets(end, timeout=CONNECT_S)[1]
        except KafkaException as error:
            raise BrokerUnavailableError(
                f"cannot read topic {topic} ({error.args[0].str()}); check the broker's log"
            ) from None
        return end

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                first = self._consumer.poll(0.1)
                if first is not None:
                    # `consume(n, t)` waits for the whole timeout, so use it only to fetch what has already arrived.
                    self._record([first, *self._consumer.consume(READ_MAX - 1, 0)])
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread must reach the waiting caller
            self._failure = error

    def _record(self, messages: list[Any]) -> None:
        now_ns = time.monotonic_ns()
        for message in messages:
            if message.error() is not None:
                continue
            self._last_ns = now_ns
            if message.topic() != self._topic:
                self.dead_letters += 1
                self._pending -= 1
                continue
            value = message.value()
            index = self._index_of(_decode_id(value).transaction_id)
            self.decision_counts[index] += 1
            if self._keep_values:
                self.values[index] = value
            if not self.arrived_ns[index]:
                self.arrived_ns[index] = now_ns
                self._pending -= 1

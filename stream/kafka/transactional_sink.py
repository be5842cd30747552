"""Exactly once: a batch's outputs and offsets in one Kafka transaction, several producers used in turn.

A transaction that begins right after the last commit of the same producer meets CONCURRENT_TRANSACTIONS, and
librdkafka then waits. Producers used in turn avoid it; each begins only after the last one's commit returned, so
the order holds. Errors follow librdkafka's transactional manual: retriable calls are made again (a commit that
timed out is resumed, never aborted), abortable ones abort, and after anything else the producer is replaced.

A producer may also lose its broker for good. While a broker comes or goes, a list of the cluster's brokers may lack
it; librdkafka then gives its connection up but remembers it as coordinator, and waits for it without end, whatever
the timeout (confluentinc/librdkafka#5511, open with 2.16). So no call is made again for longer than its transaction
may take: the broker has ended that by then. A new producer with the same id settles what is in doubt, for it is let
in once the old transaction is either committed or aborted. One call that does not return is for the watchdog to end.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.errors import BatchRefusedError, FencedError, FraudError
from stream.kafka.batch import Batch
from stream.kafka.clients import connect, producer_config
from stream.kafka.sink import Outputs, queue_rows
from stream.settings import KafkaSettings, WorkerSettings

log = logging.getLogger(__name__)

#: Seconds one call to Kafka may take before it is made again. Short, so that a stop is noticed while Kafka is away.
CALL_S = 2.0

_FENCED = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001 - librdkafka's own codes begin with _
)


class TransactionalSink:
    """Commits batches exactly once.

    Args:
        kafka: Addresses, slot, number of producers, transaction timeout.
        on_abort: Called once for each transaction that did not commit.
    """

    def __init__(self, kafka: KafkaSettings, worker: WorkerSettings, topic: str, on_abort: Callable[[], None]) -> None:
        self._kafka = kafka
        self._worker = worker
        self._topic = topic
        self._on_abort = on_abort
        self._timeout_s = worker.transaction_timeout_ms / 1000
        self._producers: list[Producer] = []
        self._turn = 0
        # Turns whose producer has lost a broker since it was made.
        self._shaken: set[int] = set()
        # Where the last commit of each partition ended, within one epoch of the source.
        self._epoch = -1
        self._ends: dict[int, int] = {}
        self._closing = threading.Event()
        # Set for good: a producer made afterwards would fence the twin in turn, and both would end.
        self._fenced: FencedError | None = None

    def open(self) -> None:
        """Create the producers; each fences the transactions of this slot's past and ends them at once."""
        with ThreadPoolExecutor(self._worker.producers) as pool:
            self._producers = list(pool.map(self._new_producer, range(self._worker.producers)))

    def close(self) -> None:
        """Stop calling Kafka again; what is not committed is aborted by the next start, or by the broker."""
        self._closing.set()

    def commit(self, batch: Batch, outputs: Outputs) -> None:
        """Commit a batch in one transaction of the next producer.

        Raises:
            BatchRefusedError: If it was not committed; it is to be read again.
            FencedError: If another worker uses this slot, now and at every later call.
        """
        self._check_order(batch)
        self._transact(outputs, batch)
        self._ends.update(batch.end)

    def send(self, outputs: Outputs) -> None:
        """Send outputs that belong to no batch, in a transaction of their own; raises as `commit` does."""
        self._transact(outputs, None)

    def _transact(self, outputs: Outputs, batch: Batch | None) -> None:
        if self._fenced is not None:
            raise self._fenced
        began = time.monotonic()
        try:
            producer = self._steady_producer()
            producer.begin_transaction()
            for topic, rows in outputs.items():
                queue_rows(producer, topic, rows)
            if batch is not None:
                # Not made again: it might never return (see the module), and nothing is committed yet.
                producer.send_offsets_to_transaction(batch.offsets, batch.metadata, CALL_S)
            self._call(producer.commit_transaction, began + self._timeout_s)
        except KafkaException as error:
            self._on_abort()
            self._recover(error.args[0], began)
            raise BatchRefusedError(f"transaction not committed: {error.args[0].str()}") from error
        self._turn = (self._turn + 1) % len(self._producers)

    def _steady_producer(self) -> Producer:
        """Return the producer whose turn it is, a new one if the last has lost a broker: see the module."""
        self._producers[self._turn].poll(0)  # tells what it has seen since its last turn
        if self._turn in self._shaken:
            self._replace_producer()
        return self._producers[self._turn]

    def _check_order(self, batch: Batch) -> None:
        if batch.epoch != self._epoch:
            self._epoch, self._ends = batch.epoch, {}
        for partition, start in batch.start.items():
            end = self._ends.get(partition, start)
            if end != start:
                raise BatchRefusedError(
                    f"partition {partition}: the batch starts at {start}, the last commit ended at {end}"
                )

    def _call(self, call: Callable[[float], None], deadline: float) -> None:
        """Make a call, once at least, until Kafka has answered it or a `time.monotonic()` moment is past."""
        while True:
            try:
                call(CALL_S)
            except KafkaException as error:
                hopeless = not error.args[0].retriable() or time.monotonic() > deadline
                if hopeless or self._closing.is_set():
                    raise
                log.warning("Kafka: %s; the same call again", error.args[0].str())
            else:
                return

    def _recover(self, error: KafkaError, began: float) -> None:
        if self._closing.is_set():
            return
        if error.txn_requires_abort():
            try:
                self._call(self._producers[self._turn].abort_transaction, began + self._timeout_s)
            except KafkaException as abort_error:
                error = abort_error.args[0]
            else:
                return
        # The broker ends a transaction that takes too long and then fences its producer. Before that time only
        # another producer with the same id, a twin of this worker, can have done it.
        if error.code() in _FENCED and time.monotonic() - began < self._timeout_s:
            self._fenced = FencedError(
                f"another worker uses slot {self._kafka.slot!r} and has taken over; "
                "give each worker its own FRAUD_KAFKA_SLOT"
            )
            raise self._fenced
        log.warning("Kafka: %s; a new producer takes over", error.str())
        self._replace_producer()

    def _replace_producer(self) -> None:
        self._producers[self._turn] = self._new_producer(self._turn)

    def _new_producer(self, turn: int) -> Producer:
        name = f"{self._kafka.group}-{self._kafka.slot}-{turn}"
        config = producer_config(self._kafka) | {
            "client.id": name,
            "transactional.id": name,
            "error_cb": lambda _: self._shaken.add(turn),
            "transaction.timeout.ms": self._worker.transaction_timeout_ms,
        }
        while True:
            producer = Producer(config)
            connect(producer, self._topic)
            try:
                self._call(producer.init_transactions, time.monotonic() + self._timeout_s)
            except KafkaException as error:
                if self._closing.is_set():
                    raise BatchRefusedError("stopped while Kafka was away") from error
                if not error.args[0].retriable():
                    raise FraudError(
                        f"Kafka takes no transactions of {name}: {error.args[0].str()}; "
                        "grant the user Write on that transactional id and on our topics"
                    ) from error
            else:
                self._shaken.discard(turn)
                return producer

"""Commit exactly once: a batch's outputs and offsets in one Kafka transaction, with several producers used in turn.

A transaction that begins right after the last commit of the same producer fails with CONCURRENT_TRANSACTIONS at first,
and librdkafka waits before it tries again. Using several producers in turn avoids the wait; each begins only after the
previous commit has returned, so the order is kept. Errors follow librdkafka's transactional manual: retriable calls are
retried (a commit that timed out is resumed, never aborted), abortable errors abort the transaction, and after any other
error the producer is replaced.

A producer may also lose its broker forever. While a broker starts or stops, it may be missing from the cluster's list
of brokers; librdkafka then drops the connection but keeps the coordinator, and waits forever, whatever the timeout
(confluentinc/librdkafka#5511, still open in 2.16). So no call is retried for longer than its transaction may
take: by then the broker has ended the transaction. A new producer with the same id resolves any doubt, because it is
admitted only once the old transaction is either committed or aborted. A single call that does not return is abandoned
together with its producer.
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
from stream.kafka.transaction_calls import CALL_S, FENCED, call_or_abandon, call_until
from stream.settings import KafkaSettings, WorkerSettings

log = logging.getLogger(__name__)


class TransactionalSink:
    """Commits batches exactly once.

    Args:
        kafka: Settings for the Kafka connection, the group and the worker's slot (its fixed name in the group).
        worker: Settings for the number of producers and the transaction timeout.
        topic: Topic that the producers write to, for their first metadata request.
        on_abort: Called once for each Kafka transaction that was not committed.
    """

    def __init__(self, kafka: KafkaSettings, worker: WorkerSettings, topic: str, on_abort: Callable[[], None]) -> None:
        self._kafka = kafka
        self._worker = worker
        self._topic = topic
        self._on_abort = on_abort
        self._timeout_s = worker.transaction_timeout_ms / 1000
        self._producers: list[Producer] = []
        self._turn = 0
        # Indices of producers that have lost a broker since they were created.
        self._disconnected: set[int] = set()
        # The source's epoch at the last commit and, for each partition, the offset up to which that epoch's batches are
        # committed.
        self._epoch = -1
        self._ends: dict[int, int] = {}
        # For each partition, the offset up to which this sink has committed, in any epoch.
        self._committed: dict[int, int] = {}
        self._closing = threading.Event()
        # Never reset: a new producer would fence the other worker in turn, and both workers would exit.
        self._fenced: FencedError | None = None

    def open(self) -> None:
        """Create the producers. Each fences earlier producers of this slot, which ends their transactions at once."""
        with ThreadPoolExecutor(self._worker.producers) as pool:
            self._producers = list(pool.map(self._new_producer, range(self._worker.producers)))

    def close(self) -> None:
        """Stop retrying. The next start, or the broker, aborts a transaction that is not committed."""
        self._closing.set()

    def commit(self, batch: Batch, outputs: Outputs) -> None:
        """Commit a batch in one transaction of the next producer.

        Raises:
            BatchRefusedError: If the batch was not committed and must be read again.
            FencedError: If another worker uses this slot; every later call raises it again.
        """
        self._check_order(batch)
        self._transact(outputs, batch)
        self._ends.update(batch.end)
        self._committed.update(batch.end)

    def send(self, outputs: Outputs) -> None:
        """Send outputs that belong to no batch, in a transaction of their own. Raises the same errors as `commit`."""
        self._transact(outputs, None)

    def _transact(self, outputs: Outputs, batch: Batch | None) -> None:
        if self._fenced is not None:
            raise self._fenced
        began = time.monotonic()
        try:
            producer = self._next_producer()
            producer.begin_transaction()
            for topic, rows in outputs.items():
                queue_rows(producer, topic, rows)
            if batch is not None:
                # Not retried, because nothing is committed yet. The client waits without limit for the coordinator, and
                # applies the timeout only to its response (rd_kafka_send_offsets_to_transaction in librdkafka 2.16).
                call_or_abandon(lambda: producer.send_offsets_to_transaction(batch.offsets, batch.metadata, CALL_S))
            self._call(producer.commit_transaction, began + self._timeout_s)
        except KafkaException as error:
            self._on_abort()
            self._recover(error.args[0], began)
            raise BatchRefusedError(f"transaction not committed: {error.args[0].str()}") from error
        self._turn = (self._turn + 1) % len(self._producers)

    def _next_producer(self) -> Producer:
        """Return the producer whose turn it is, replaced if it has lost a broker (see the module docstring)."""
        self._producers[self._turn].poll(0)  # serves its error callback
        if self._turn in self._disconnected:
            self._replace_producer()
        return self._producers[self._turn]

    def _check_order(self, batch: Batch) -> None:
        # Neither the client nor the group's committed offsets should bring a message back. If one does, it must not be
        # decided twice.
        for partition, first in batch.first.items():
            if first < self._committed.get(partition, 0):
                raise BatchRefusedError(
                    f"partition {partition}: offset {first} was read again, but offsets up to "
                    f"{self._committed[partition]} are committed"
                )
        if batch.epoch != self._epoch:
            self._epoch, self._ends = batch.epoch, {}
        for partition, start in batch.start.items():
            end = self._ends.get(partition, start)
            if end != start:
                raise BatchRefusedError(
                    f"partition {partition}: the batch starts at {start}, but the last commit ended at {end}"
                )

    def _call(self, call: Callable[[float], None], deadline: float) -> None:
        call_until(call, deadline, self._closing.is_set)

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
        # The broker ends a transaction that takes too long and then fences its producer. Before then, only another
        # producer with the same id, from a worker with the same slot, can have fenced the producer.
        if error.code() in FENCED and time.monotonic() - began < self._timeout_s:
            self._fenced = FencedError(
                f"another worker uses slot {self._kafka.slot!r} and has taken over; "
                "give each worker its own FRAUD_KAFKA_SLOT"
            )
            raise self._fenced
        log.warning("Kafka: %s; continuing with a new producer", error.str())
        self._replace_producer()

    def _replace_producer(self) -> None:
        self._producers[self._turn] = self._new_producer(self._turn)

    def _new_producer(self, turn: int) -> Producer:
        name = f"{self._kafka.group}-{self._kafka.slot}-{turn}"
        config = producer_config(self._kafka) | {
            "client.id": name,
            "transactional.id": name,
            "error_cb": lambda _: self._disconnected.add(turn),
            "transaction.timeout.ms": self._worker.transaction_timeout_ms,
        }
        while True:
            producer = Producer(config)
            connect(producer, self._topic)
            try:
                self._call(producer.init_transactions, time.monotonic() + self._timeout_s)
            except KafkaException as error:
                if self._closing.is_set():
                    raise BatchRefusedError("stopped while Kafka was unavailable") from error
                if not error.args[0].retriable():
                    raise FraudError(
                        f"Kafka rejects the transactional id {name}: {error.args[0].str()}; "
                        "grant the user Write on that id and on the output topics"
                    ) from error
            else:
                self._disconnected.discard(turn)
                return producer

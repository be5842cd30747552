"""Where a batch's outputs and its consumed offsets become visible."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.errors import BatchRefusedError
from stream.kafka.batch import Batch
from stream.kafka.clients import producer_config
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds to let a full producer queue drain before the rest of a batch is queued.
QUEUE_FULL_S = 0.05
#: Seconds to wait for outstanding acknowledgements before looking again whether to stop.
FLUSH_S = 1.0

#: By topic, the rows for `Producer.produce_batch`.
Outputs = Mapping[str, Sequence[dict[str, Any]]]


class Sink(Protocol):
    """Commits batches, one after the other, on one thread."""

    def open(self) -> None:
        """Get ready to commit."""

    def commit(self, batch: Batch, outputs: Outputs) -> None:
        """Make a batch's outputs visible and its offsets consumed.

        Raises:
            BatchRefusedError: Its offsets are not known to be consumed: read again from the committed ones.
            FencedError: A living twin uses the same worker slot.
        """

    def send(self, outputs: Outputs) -> None:
        """Make outputs visible that belong to no batch.

        Raises:
            BatchRefusedError: They are not known to be visible.
            FencedError: A living twin uses the same worker slot.
        """

    def close(self) -> None:
        """Give up whatever is under way. Callable from any thread."""


def queue_rows(producer: Producer, topic: str, rows: Sequence[dict[str, Any]], **options: Any) -> None:
    """Queue all rows of a batch, however full the producer's queue is.

    `produce_batch` raises nothing for rows it does not take; it marks each with `_error` and counts the others.

    Raises:
        KafkaException: If a row cannot be queued at all, for example because it is too large.
    """
    left = list(rows)
    while left:
        producer.produce_batch(topic, left, **options)
        left = [row for row in left if "_error" in row]
        for row in left:
            error = row.pop("_error")
            if error.code() != KafkaError._QUEUE_FULL:  # noqa: SLF001 - librdkafka's own codes begin with _
                raise KafkaException(error)
        producer.poll(QUEUE_FULL_S if left else 0)


class AtLeastOnceSink:
    """Commits offsets after the outputs are acknowledged: nothing is lost, a crash in between repeats.

    Args:
        kafka: Addresses and security.
        commit_offsets: Has a batch's offsets committed to its group.
    """

    def __init__(self, kafka: KafkaSettings, commit_offsets: Any) -> None:
        self._kafka = kafka
        self._commit_offsets = commit_offsets
        self._closing = False

    def open(self) -> None:
        """Connect."""
        self._producer = Producer(producer_config(self._kafka))

    def commit(self, batch: Batch, outputs: Outputs) -> None:
        """Produce, wait for every acknowledgement, then commit the offsets."""
        self._produce(outputs, lambda: self._commit_offsets(batch))

    def send(self, outputs: Outputs) -> None:
        """Produce, and wait for every acknowledgement."""
        self._produce(outputs, lambda: None)

    def close(self) -> None:
        """Stop waiting."""
        self._closing = True

    def _produce(self, outputs: Outputs, then: Callable[[], None]) -> None:
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                failures.append(error)

        try:
            for topic, rows in outputs.items():
                queue_rows(self._producer, topic, rows, on_delivery=delivered)
            while self._producer.flush(FLUSH_S):
                if self._closing:
                    raise BatchRefusedError("stopped before Kafka acknowledged the batch")
            if not failures:
                then()
        except KafkaException as error:
            failures.append(error.args[0])
        if failures:
            raise BatchRefusedError(f"batch not committed: {failures[0].str()}")

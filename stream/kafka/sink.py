"""Sinks, which make the outputs of a batch visible and commit its offsets."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.errors import BatchRefusedError
from stream.kafka.batch import Batch
from stream.kafka.clients import producer_config
from stream.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds to let a full producer queue drain before queuing the rest of a batch.
QUEUE_FULL_S = 0.05
#: Seconds to wait for outstanding acknowledgements between checks for a request to stop.
FLUSH_S = 1.0

#: Rows for `Producer.produce_batch`, by topic.
Outputs = Mapping[str, Sequence[dict[str, Any]]]


class Sink(Protocol):
    """Commits batches, one after another, on one thread."""

    def open(self) -> None:
        """Connect, and prepare for the first commit."""

    def commit(self, batch: Batch, outputs: Outputs) -> None:
        """Make a batch's outputs visible and commit its offsets.

        Raises:
            BatchRefusedError: If the batch was not committed. The source must then read it again.
            FencedError: If another running worker uses the same slot.
        """

    def send(self, outputs: Outputs) -> None:
        """Send outputs that belong to no batch.

        Raises:
            BatchRefusedError: If the outputs were not sent.
            FencedError: If another running worker uses the same slot.
        """

    def close(self) -> None:
        """Abandon the commit that is in progress. Callable from any thread."""


def queue_rows(producer: Producer, topic: str, rows: Sequence[dict[str, Any]], **options: Any) -> None:
    """Queue all rows of a batch, however full the producer's queue is.

    `produce_batch` does not raise for rows that it rejects; it marks rejected rows with `_error` and counts the others.

    Args:
        producer: Producer that sends the rows.
        topic: Name of the topic.
        rows: Arguments for `Producer.produce`, one mapping per message.
        options: Additional arguments for `Producer.produce_batch`.

    Raises:
        KafkaException: If a row cannot be queued at all, for example because it is too large.
    """
    remaining = list(rows)
    while remaining:
        producer.produce_batch(topic, remaining, **options)
        remaining = [row for row in remaining if "_error" in row]
        for row in remaining:
            error = row.pop("_error")
            if error.code() != KafkaError._QUEUE_FULL:  # noqa: SLF001 - librdkafka's own codes begin with _
                raise KafkaException(error)
        producer.poll(QUEUE_FULL_S if remaining else 0)


class AtLeastOnceSink:
    """Commits offsets once the outputs are acknowledged: nothing is lost, but a crash in between repeats decisions.

    Args:
        kafka: Kafka connection.
        commit_offsets: Function that commits the offsets of a batch to its consumer group.
    """

    def __init__(self, kafka: KafkaSettings, commit_offsets: Any) -> None:
        self._kafka = kafka
        self._commit_offsets = commit_offsets
        self._closing = False

    def open(self) -> None:
        """Create the producer."""
        self._producer = Producer(producer_config(self._kafka))

    def commit(self, batch: Batch, outputs: Outputs) -> None:
        """Produce the outputs, wait for every acknowledgement, then commit the offsets."""
        self._produce(outputs, lambda: self._commit_offsets(batch))

    def send(self, outputs: Outputs) -> None:
        """Produce the outputs, and wait for every acknowledgement."""
        self._produce(outputs, lambda: None)

    def close(self) -> None:
        """Stop waiting for acknowledgements."""
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

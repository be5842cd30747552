"""Send a file of transactions, as `fraud-stream produce` does."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import KafkaException, Producer

from schemas.errors import DataError, KafkaError
from stream.kafka.clients import producer_config
from stream.kafka.sink import queue_rows
from stream.kafka.topics import require_topics
from stream.settings import KafkaSettings, TopicSettings

#: Seconds between slices at a steady rate: much less than any latency of interest, much more than a system call.
SLICE_S = 0.01
#: Transactions per slice at full speed.
FULL_SLICE = 5000


class _Keyed(msgspec.Struct):
    card_id: str | None = None


_keyed = msgspec.json.Decoder(_Keyed)


def send_file(
    kafka: KafkaSettings, topics: TopicSettings, file: Path, rate: float | None, on_sent: Callable[[int], None]
) -> int:
    """Send each line of a file unchanged to the transactions topic, keyed by its card.

    Lines that are not transactions are sent too; the worker rejects them.

    Args:
        kafka: Kafka connection.
        topics: Topic names.
        file: File of transactions as JSON lines.
        rate: Transactions per second; None for full speed.
        on_sent: Called with the number of transactions in each slice.

    Returns:
        The number of transactions sent, all of which Kafka acknowledged.

    Raises:
        DataError: If the file cannot be read.
        TopicMissingError: If any of our topics does not exist.
        KafkaError: If Kafka does not accept a transaction.
    """
    require_topics(kafka, topics)
    producer = Producer(producer_config(kafka))
    failures: list[Any] = []

    def delivered(error: Any, _: Any) -> None:
        if error is not None:
            failures.append(error)

    sent = 0
    began = time.monotonic()
    try:
        for rows in _slices(file, rate):
            queue_rows(producer, topics.transactions, rows, on_delivery=delivered)
            sent += len(rows)
            on_sent(len(rows))
            if rate is not None:
                time.sleep(max(began + sent / rate - time.monotonic(), 0))
        producer.flush()
    except OSError as error:
        raise DataError(f"cannot read {file} ({error.strerror}); check the file's permissions and the disk") from error
    except KafkaException as error:
        failures.append(error.args[0])
    if failures:
        raise KafkaError(
            f"Kafka did not accept {len(failures)} transactions, the first because of: {failures[0].str()}; "
            "fix the cause and send the file again"
        )
    return sent


def _slices(file: Path, rate: float | None) -> Iterator[list[dict[str, Any]]]:
    size = FULL_SLICE if rate is None else max(round(rate * SLICE_S), 1)
    with file.open("rb") as lines:
        while rows := [_row(line.rstrip(b"\r\n")) for line in islice(lines, size)]:
            yield rows


def _row(line: bytes) -> dict[str, Any]:
    try:
        key = _keyed.decode(line).card_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        key = None
    return {"key": key, "value": line}

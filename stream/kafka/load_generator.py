"""The load generator: sends transactions to a topic, at full speed or at a steady rate."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, Producer
from numpy.typing import NDArray

from schemas.errors import BrokerUnavailableError
from stream.kafka.clients import producer_config
from stream.kafka.sink import queue_rows
from stream.settings import KafkaSettings

#: Seconds between bursts at a steady rate: 10 transactions at 2,000/s. Shorter intervals cost the broker, which
#: shares the machine, more requests.
SLICE_S = 0.005
#: Number of transactions to queue at a time at full speed.
CHUNK = 5_000
#: Seconds within which Kafka must acknowledge all transactions at the end.
FLUSH_S = 60.0

Message = tuple[str | bytes, bytes]


def send_transactions(
    kafka: KafkaSettings,
    topic: str,
    messages: Sequence[Message],
    rate: float | None = None,
    on_sent: Callable[[int], object] = lambda _: None,
) -> NDArray[np.int64]:
    """Send transactions to a topic, each exactly once and in order.

    At a steady rate, the send time is the scheduled time, however late the generator is: if the system under load
    delays the generator, the delay counts as latency (no coordinated omission).

    Args:
        kafka: Kafka connection.
        topic: Name of the topic.
        messages: Keys and values of the messages. A lazy sequence is sliced and never read as a whole.
        rate: Transactions per second; None for full speed.
        on_sent: Called with the number of transactions sent so far.

    Returns:
        (n,) scheduled send time of each transaction, in `time.monotonic_ns()`.

    Raises:
        BrokerUnavailableError: If Kafka did not accept all transactions.
    """
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, _: Any) -> None:
        if error is not None:
            failures.append(error)

    # At a steady rate each burst is sent immediately; at full speed large batches are faster.
    tuning = {"linger.ms": 20, "batch.size": 1_000_000} if rate is None else {"linger.ms": 0}
    producer = Producer(producer_config(kafka) | tuning)
    size = CHUNK if rate is None else max(1, round(rate * SLICE_S))
    sent_ns = np.zeros(len(messages), dtype=np.int64)
    began_ns = time.monotonic_ns()
    for start in range(0, len(messages), size):
        now_ns = time.monotonic_ns()
        due_ns = now_ns if rate is None else began_ns + round(start / rate * 1e9)
        if due_ns > now_ns:
            time.sleep((due_ns - now_ns) / 1e9)
        rows = [{"key": key, "value": value} for key, value in messages[start : start + size]]
        sent_ns[start : start + size] = due_ns
        queue_rows(producer, topic, rows, on_delivery=delivered)
        on_sent(min(start + size, len(messages)))
    unsent = producer.flush(FLUSH_S)
    if unsent or failures:
        reason = failures[0].str() if failures else f"no response within {FLUSH_S:.0f} s"
        raise BrokerUnavailableError(
            f"Kafka did not accept {unsent + len(failures)} of {len(messages)} transactions ({reason})"
        )
    return sent_ns

"""End-to-end latency at a steady rate: from a transaction's scheduled send time to its committed decision."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from benchmarks.pipeline.programs import Program, running
from benchmarks.pipeline.reader import DecisionReader
from schemas.errors import FraudError
from stream.kafka.load_generator import send_transactions
from stream.settings import Settings

#: Seconds of unmeasured traffic at the same rate: connections and caches warm up, and the broker's JIT compiles the
#: path of small batches, which full speed does not use.
WARM_UP_S = 15.0
#: Seconds without a decision after which the program counts as stuck.
STALL_S = 30.0


class Latency(Struct, frozen=True):
    """Latency percentiles over all transactions in a run, in milliseconds."""

    p50: float
    p99: float
    p99_9: float
    max: float


def summarize(latency_ns: NDArray[np.int64]) -> Latency:
    """Return the percentiles, in milliseconds, of (n,) latencies in nanoseconds.

    >>> summarize(np.array([1_000_000, 3_000_000])).p50
    2.0
    """
    percentiles = np.percentile(latency_ns, (50, 99, 99.9, 100)) / 1e6
    return Latency(*percentiles.round(2).tolist())


def measure_latency(
    program: Program,
    settings: Settings,
    messages: NumberedTransactions,
    *,
    rate: float,
    scratch: Path,
    on_sent: Callable[[int], object],
) -> Latency:
    """Send transactions at a steady rate and time every decision.

    Args:
        program: Worker to measure.
        settings: Settings of the trial.
        messages: Transactions to send.
        rate: Number of transactions to send per second.
        scratch: Directory for the program's log.
        on_sent: Called with the number of transactions sent so far.

    Raises:
        FraudError: If a transaction is not decided exactly once.
    """
    warm_up = min(round(rate * WARM_UP_S), len(messages) // 2)
    with DecisionReader(settings, len(messages)) as reader, running(program, settings, 0, scratch) as process:
        # The first transaction waits for the program to start; the steady rate begins once it is decided.
        send_transactions(settings.kafka, settings.topic.transactions, messages.part(0, 1))
        if not reader.wait_for(1, STALL_S):
            raise FraudError(f"{program.name} made no decisions; its log ends with: {process.last_lines()}")
        sent_ns = send_transactions(
            settings.kafka, settings.topic.transactions, messages.part(1, len(messages)), rate, on_sent
        )
        if not reader.wait_for_all(STALL_S):
            raise FraudError(
                f"{program.name} decided only {reader.settled} of {len(messages)} transactions; its log ends with: "
                f"{process.last_lines()}"
            )
    if (reader.decision_counts != 1).any():
        raise FraudError(f"{int((reader.decision_counts > 1).sum())} transactions were decided more than once")
    return summarize((reader.arrived_ns[1:] - sent_ns)[warm_up:])

"""Latency end to end at a steady rate: from when a transaction was due to the arrival of its committed decision."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.programs import Program, running
from benchmarks.pipeline.reader import DecisionReader
from schemas.errors import FraudError
from stream.kafka.load_generator import send
from stream.settings import Settings

#: Seconds at the same rate before anything counts: connections and caches get warm, and the broker compiles what small
#: transactions take, of which full speed has none.
WARM_UP_S = 15.0
#: Seconds without a decision after which the program counts as stuck.
QUIET_S = 30.0


class Latency(Struct, frozen=True):
    """Milliseconds, over all transactions of a run."""

    p50: float
    p99: float
    p99_9: float
    max: float


def summarize(latency_ns: NDArray[np.int64]) -> Latency:
    """Summarize (n,) latencies.

    >>> summarize(np.array([1_000_000, 3_000_000])).p50
    2.0
    """
    figures = np.percentile(latency_ns, (50, 99, 99.9, 100)) / 1e6
    return Latency(*figures.round(2).tolist())


def measure_latency(
    program: Program, settings: Settings, feed: Feed, *, rate: float, scratch: Path, on_sent: Callable[[int], object]
) -> Latency:
    """Send `feed` at a steady rate and time every decision.

    Raises:
        FraudError: If a transaction is not decided, or decided twice.
    """
    warm = min(round(rate * WARM_UP_S), len(feed) // 2)
    with DecisionReader(settings, len(feed)) as reader, running(program, settings, 0, scratch) as process:
        # The first one waits for the program to start; the steady rate begins when it is decided.
        send(settings, feed.part(0, 1))
        if not reader.wait_for(1, QUIET_S):
            raise FraudError(f"{program.name} decides nothing: {process.last_words()}")
        sent_ns = send(settings, feed.part(1, len(feed)), rate, on_sent)
        if not reader.wait(QUIET_S):
            raise FraudError(f"{reader.arrived} of {len(feed)} were decided: {process.last_words()}")
    if (reader.seen != 1).any():
        raise FraudError(f"{int((reader.seen > 1).sum())} transactions were decided more than once")
    return summarize((reader.arrived_ns[1:] - sent_ns)[warm:])

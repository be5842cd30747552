"""The worker's memory, start time and stop time."""

import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from benchmarks.pipeline.programs import Program, running
from benchmarks.pipeline.reader import DecisionReader
from schemas.errors import FraudError
from stream.kafka.load_generator import send_transactions
from stream.settings import Settings

#: Seconds without a decision after which the worker counts as stuck.
STALL_S = 30.0
#: Number of transactions before memory is first read; by then buffers, caches and allocators have grown to size.
SETTLE_EVENTS = 200_000
#: Transactions per second in the soak run: half of what the worker decides on two cores, so that no backlog builds up.
SOAK_RATE = 15_000.0


class Footprint(Struct, frozen=True):
    """Memory, start time and stop time of one worker with a champion and two challengers."""

    start_seconds: float
    stop_seconds: float
    #: Resident memory after working at full speed, in MiB.
    rss_mib: float


class SoakResult(Struct, frozen=True):
    """Growth of the worker's memory over many transactions."""

    events: int
    start_mib: float
    end_mib: float
    growth_percent: float


def measure_footprint(program: Program, settings: Settings, messages: NumberedTransactions, scratch: Path) -> Footprint:
    """Start the worker on a full topic and, while it works at full speed, stop it after half of the transactions.

    The start time ends when a reader of committed data sees the first decision; the stop time ends with the process.

    Raises:
        FraudError: If the worker does not decide half of the transactions.
    """
    send_transactions(settings.kafka, settings.topic.transactions, messages)
    with DecisionReader(settings, len(messages)) as reader:
        began = time.monotonic()
        with running(program, settings, 0, scratch) as process:
            if not reader.wait_for(len(messages) // 2, STALL_S):
                raise FraudError(
                    f"{program.name} decided only {reader.settled} of {len(messages)} transactions; its log ends with: "
                    f"{process.last_lines()}"
                )
            rss_mib = process.rss_mib
            stopping = time.monotonic()
            process.stop()
            stop_seconds = time.monotonic() - stopping
        first_ns = int(reader.arrived_ns[reader.arrived_ns > 0].min())
    return Footprint(round(first_ns / 1e9 - began, 2), round(stop_seconds, 2), round(rss_mib, 1))


def measure_soak(
    program: Program,
    settings: Settings,
    messages: NumberedTransactions,
    scratch: Path,
    on_sent: Callable[[int], object],
) -> SoakResult:
    """Send all messages and compare the worker's memory after the first `SETTLE_EVENTS` with its memory at the end.

    Raises:
        FraudError: If a transaction is not decided exactly once.
    """
    first = min(SETTLE_EVENTS, len(messages) // 2)
    with DecisionReader(settings, len(messages)) as reader, running(program, settings, 0, scratch) as process:
        send_transactions(settings.kafka, settings.topic.transactions, messages.part(0, first), SOAK_RATE, on_sent)
        reader.wait_for(first, STALL_S)
        start_mib = process.rss_mib
        send_transactions(
            settings.kafka,
            settings.topic.transactions,
            messages.part(first, len(messages)),
            SOAK_RATE,
            lambda sent: on_sent(first + sent),
        )
        reader.wait_for_all(STALL_S)
        end_mib = process.rss_mib
    if (reader.decision_counts != 1).any():
        wrong = int((reader.decision_counts != 1).sum())
        raise FraudError(f"{wrong} transactions were not decided exactly once")
    growth = (end_mib - start_mib) / start_mib * 100
    return SoakResult(len(messages), round(start_mib, 1), round(end_mib, 1), round(growth, 1))

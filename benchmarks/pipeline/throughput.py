"""Throughput of a program that empties a full input topic, measured by the broker's clock.

All input is in the topic before the program starts, so generating it costs nothing, and nothing reads the output while
the program runs. The broker stamps each decision when it appends it; afterwards all decisions are read, and each
transaction must have exactly one. The rate is measured from the first append to the last, so it excludes start-up,
which is measured separately.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.pipeline.programs import MeasuredProcess, Program, running
from benchmarks.pipeline.trial_broker import committed_end, read_decisions
from schemas.errors import FraudError
from stream.settings import Settings

#: Seconds between two progress checks.
POLL_S = 0.25
#: Seconds without progress after which a program counts as finished, or as stuck if decisions are missing.
DONE_S, STUCK_S = 1.5, 60.0

OnProgress = Callable[[int], object]


class _TransactionId(msgspec.Struct):
    transaction_id: str


_decode_id = msgspec.json.Decoder(_TransactionId).decode


@dataclass(frozen=True)
class Workload:
    """Input of one run.

    Attributes:
        topic: Name of the filled input topic.
        batch: Batch size in transactions; 0 for a program that chooses its own.
        events: Number of transactions in the input topic.
    """

    topic: str
    batch: int
    events: int


def measure_throughput(
    program: Program,
    settings: Settings,
    workload: Workload,
    *,
    scratch: Path,
    on_progress: OnProgress,
    on_end: Callable[[MeasuredProcess], object] = lambda _: None,
) -> float:
    """Run a program over a workload and return its rate in transactions/s.

    Args:
        program: Program to measure.
        settings: Settings of the trial.
        workload: Input of the run.
        scratch: Directory for the program's log.
        on_progress: Called with the number of decisions so far.
        on_end: Called with the process before it is stopped.

    Raises:
        FraudError: If the program ends early, gets stuck, or does not decide each transaction exactly once.
    """
    events = workload.events
    with running(program, settings, workload.batch, scratch) as process:
        _wait_until_done(process, settings, events, on_progress)
        on_end(process)
    messages = read_decisions(settings)
    counts = Counter(_decode_id(message.value()).transaction_id for message in messages)
    if len(counts) != events or len(messages) != events:
        raise FraudError(f"{program.name} made {len(messages)} decisions on {len(counts)} of {events} transactions")
    stamps = sorted(message.timestamp()[1] for message in messages)
    first = stamps.count(stamps[0])  # scored before the clock starts
    return float((events - first) * 1000 / (stamps[-1] - stamps[0]))


def program_order(run: int, programs: Sequence[Program]) -> list[Program]:
    """Return the order in which to measure the programs in a run.

    A different program is first in every second run, and the run after it uses the reverse order. This way, other load
    on the machine and data that accumulates in the broker affect all programs alike.

    Args:
        run: Number of the run, from 0.
        programs: Programs to measure.
    """
    offset = run // 2 % len(programs)
    order = [*programs[offset:], *programs[:offset]]
    return order[::-1] if run % 2 else order


def _wait_until_done(process: MeasuredProcess, settings: Settings, events: int, on_progress: OnProgress) -> None:
    decided, last_progress = 0, time.monotonic()
    while True:
        time.sleep(POLL_S)
        process.require_running()
        end = committed_end(settings)
        if end > decided:
            decided, last_progress = end, time.monotonic()
            on_progress(min(decided, events))
        idle = time.monotonic() - last_progress
        # End offsets include transaction markers, so reaching `events` does not prove that all have been decided.
        if decided >= events and idle > DONE_S:
            return
        if idle > STUCK_S:
            raise FraudError(
                f"no further decisions after {decided} of {events}; the program's log ends with: {process.last_lines()}"
            )

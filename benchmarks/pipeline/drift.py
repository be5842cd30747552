"""What counting for drift costs: the worker with it and without, side by side."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Literal

from msgspec import Struct

from benchmarks.pipeline.programs import Running, the_worker
from benchmarks.pipeline.throughput import Course, OnProgress, measure
from benchmarks.pipeline.trial_broker import Field

#: As FRAUD_DRIFT_MONITOR takes them.
Switch = Literal["on", "off"]
SWITCHES: tuple[Switch, Switch] = ("on", "off")


class DriftCost(Struct, frozen=True):
    """The worker by FRAUD_DRIFT_MONITOR, medians of the runs. The one worker counts, and watches for drift as well."""

    #: Events/s.
    throughput: dict[str, float]
    #: Of throughput, how much drift takes, in percent.
    slower_percent: float
    #: The worker's processor time over all its threads, microseconds a transaction, start-up included.
    cpu_us: dict[str, float]
    #: Resident memory at the end.
    rss_mib: dict[str, float]


def measure_drift(
    field: Field,
    course: Course,
    *,
    runs: int,
    scratch: Path,
    on_step: Callable[[str], None],
    on_progress: OnProgress,
) -> DriftCost:
    """Measure the worker with a champion and a challenger, with drift and without, every other run backwards.

    Raises:
        FraudError: If it fails, or decides a transaction not exactly once.
    """
    rates: dict[Switch, list[float]] = {switch: [] for switch in SWITCHES}
    spent: dict[Switch, list[float]] = {switch: [] for switch in SWITCHES}
    memory: dict[Switch, list[float]] = {switch: [] for switch in SWITCHES}
    for run in range(runs):
        for switch in SWITCHES if run % 2 == 0 else SWITCHES[::-1]:
            on_step(f"drift {switch}: run {run + 1} of {runs}")
            settings = field.prepare(transactions=course.topic).replace(drift_monitor=switch)

            def note(process: Running, switch: Switch = switch) -> None:
                spent[switch].append(process.cpu_seconds / course.events * 1e6)
                memory[switch].append(process.rss_mib)

            rate = measure(
                the_worker(),
                settings,
                course,
                scratch=scratch,
                on_progress=on_progress,
                on_end=note,
            )
            rates[switch].append(rate)
    medians = {switch: median(found) for switch, found in rates.items()}
    return DriftCost(
        {switch: round(rate, 1) for switch, rate in medians.items()},
        round(100 * (1 - medians["on"] / medians["off"]), 2),
        {switch: round(median(found), 2) for switch, found in spent.items()},
        {switch: round(median(found), 1) for switch, found in memory.items()},
    )

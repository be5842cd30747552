"""Cost of drift monitoring: the worker with and without it."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Literal

from msgspec import Struct

from benchmarks.pipeline.programs import MeasuredProcess, worker_program
from benchmarks.pipeline.throughput import OnProgress, Workload, measure_throughput
from benchmarks.pipeline.trial_broker import TrialBroker

#: Values of FRAUD_DRIFT_MONITOR.
MonitorSwitch = Literal["on", "off"]
SWITCHES: tuple[MonitorSwitch, MonitorSwitch] = ("on", "off")


class DriftCost(Struct, frozen=True):
    """The worker's median results, by value of FRAUD_DRIFT_MONITOR; with `on`, the worker both counts and monitors."""

    #: Transactions/s.
    throughput: dict[str, float]
    #: Loss of throughput with drift monitoring on, in percent.
    slower_percent: float
    #: CPU time of all threads, including start-up, in microseconds per transaction.
    cpu_us: dict[str, float]
    #: Resident memory at the end of the run, in MiB.
    rss_mib: dict[str, float]


def measure_drift_cost(
    trials: TrialBroker,
    workload: Workload,
    *,
    runs: int,
    scratch: Path,
    on_step: Callable[[str], None],
    on_progress: OnProgress,
) -> DriftCost:
    """Measure the worker with and without drift monitoring; the order alternates from run to run.

    Args:
        trials: Broker and settings of each trial.
        workload: Input of each run.
        runs: Number of runs with each setting.
        scratch: Directory for the programs' logs.
        on_step: Called with a description of each step.
        on_progress: Called with the number of decisions so far.

    Raises:
        FraudError: If the worker fails, or a transaction is not decided exactly once.
    """
    rates: dict[MonitorSwitch, list[float]] = {switch: [] for switch in SWITCHES}
    cpu_costs: dict[MonitorSwitch, list[float]] = {switch: [] for switch in SWITCHES}
    memory: dict[MonitorSwitch, list[float]] = {switch: [] for switch in SWITCHES}
    for run in range(runs):
        for switch in SWITCHES if run % 2 == 0 else SWITCHES[::-1]:
            on_step(f"drift {switch}: run {run + 1} of {runs}")
            settings = trials.prepare(transactions=workload.topic).replace(drift_monitor=switch)

            def record(process: MeasuredProcess, switch: MonitorSwitch = switch) -> None:
                cpu_costs[switch].append(process.cpu_seconds / workload.events * 1e6)
                memory[switch].append(process.rss_mib)

            rate = measure_throughput(
                worker_program(),
                settings,
                workload,
                scratch=scratch,
                on_progress=on_progress,
                on_end=record,
            )
            rates[switch].append(rate)
    medians = {switch: median(measured) for switch, measured in rates.items()}
    return DriftCost(
        {switch: round(rate, 1) for switch, rate in medians.items()},
        round(100 * (1 - medians["on"] / medians["off"]), 2),
        {switch: round(median(costs), 2) for switch, costs in cpu_costs.items()},
        {switch: round(median(measured), 1) for switch, measured in memory.items()},
    )

"""Cost of each additional challenger. All challengers have the same model, so that only their number differs."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

from msgspec import Struct

from benchmarks.pipeline.programs import MeasuredProcess, worker_program
from benchmarks.pipeline.throughput import OnProgress, Workload, measure_throughput
from benchmarks.pipeline.trial_broker import TrialBroker
from schemas.messages import BundleRef, Challenger, Policy

#: Maximum number of challengers with which the worker is measured.
MAX_CHALLENGERS = 3


class ShadowCost(Struct, frozen=True):
    """The worker's median results by number of challengers."""

    #: Transactions/s by number of challengers. A challenger costs more throughput when fewer cores are
    #: idle.
    throughput: dict[str, float]
    #: CPU time of all threads, including start-up, in microseconds per transaction, by number of challengers.
    cpu_us: dict[str, float]
    #: CPU time that the n-th challenger adds, in microseconds per transaction, by n.
    added_us: dict[str, float]


def measure_shadow_cost(
    trials: TrialBroker,
    bundle: BundleRef,
    workload: Workload,
    *,
    runs: int,
    scratch: Path,
    on_step: Callable[[str], None],
    on_progress: OnProgress,
) -> ShadowCost:
    """Measure the worker with 0 to `MAX_CHALLENGERS` challengers, in reverse order in every other run.

    Args:
        trials: Broker and settings of each trial.
        bundle: Bundle that every challenger uses.
        workload: Input of each run.
        runs: Number of runs for each number of challengers.
        scratch: Directory for the programs' logs.
        on_step: Called with a description of each step.
        on_progress: Called with the number of decisions so far.

    Raises:
        FraudError: If the worker fails, or a transaction is not decided exactly once.
    """
    rates: dict[int, list[float]] = {count: [] for count in range(MAX_CHALLENGERS + 1)}
    cpu_costs: dict[int, list[float]] = {count: [] for count in range(MAX_CHALLENGERS + 1)}
    for run in range(runs):
        for count in sorted(rates, reverse=run % 2 == 1):
            on_step(f"{count} challengers: run {run + 1} of {runs}")
            settings = trials.prepare(roles=copies(bundle, count), transactions=workload.topic)

            def record(process: MeasuredProcess, count: int = count) -> None:
                cpu_costs[count].append(process.cpu_seconds / workload.events * 1e6)

            rate = measure_throughput(
                worker_program(),
                settings,
                workload,
                scratch=scratch,
                on_progress=on_progress,
                on_end=record,
            )
            rates[count].append(rate)
    cpu = {count: median(costs) for count, costs in cpu_costs.items()}
    return ShadowCost(
        {str(count): round(median(measured), 1) for count, measured in rates.items()},
        {str(count): round(cost, 2) for count, cost in cpu.items()},
        {str(count): round(cpu[count] - cpu[count - 1], 2) for count in range(1, MAX_CHALLENGERS + 1)},
    )


def copies(bundle: BundleRef, count: int) -> tuple[Challenger, ...]:
    """Return challengers with the same bundle and different policies, so that each is scored separately."""
    return tuple(Challenger(bundle, policy=Policy(f"twin-{number}", 0.5, 0.9)) for number in range(count))

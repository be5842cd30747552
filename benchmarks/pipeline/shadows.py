"""What each further challenger costs: the same model once more, so that only its number differs."""

from collections.abc import Callable
from pathlib import Path
from statistics import median

from msgspec import Struct

from benchmarks.pipeline.programs import Running, the_worker
from benchmarks.pipeline.throughput import Course, OnProgress, measure
from benchmarks.pipeline.trial_broker import Field
from schemas.messages import BundleRef, Challenger, Policy

#: Challengers, from none to so many.
MOST = 3


class ShadowCost(Struct, frozen=True):
    """The worker by number of challengers, medians of the runs, and what each one takes."""

    #: By number of challengers, events/s. On cores that are busy already each one slows the worker down more than the
    #: one before it, whose work still found a free core.
    throughput: dict[str, float]
    #: By number of challengers, the worker's processor time over all its threads, microseconds a transaction, start-up
    #: included.
    cpu_us: dict[str, float]
    #: By challenger, how much of it is its own.
    added_us: dict[str, float]


def measure_shadows(
    field: Field,
    bundle: BundleRef,
    course: Course,
    *,
    runs: int,
    scratch: Path,
    on_step: Callable[[str], None],
    on_progress: OnProgress,
) -> ShadowCost:
    """Measure the worker with 0 to `MOST` challengers, every other run backwards.

    Raises:
        FraudError: If it fails, or decides a transaction not exactly once.
    """
    rates: dict[int, list[float]] = {count: [] for count in range(MOST + 1)}
    spent: dict[int, list[float]] = {count: [] for count in range(MOST + 1)}
    for run in range(runs):
        for count in sorted(rates, reverse=run % 2 == 1):
            on_step(f"{count} challengers: run {run + 1} of {runs}")
            settings = field.prepare(watching=twins(bundle, count), transactions=course.topic)
            seconds: list[float] = []
            rate = measure(
                the_worker(),
                settings,
                course,
                scratch=scratch,
                on_progress=on_progress,
                on_end=_keep_in(seconds),
            )
            rates[count].append(rate)
            spent[count].append(seconds[0] / course.events * 1e6)
    cpu = {count: median(found) for count, found in spent.items()}
    return ShadowCost(
        {str(count): round(median(found), 1) for count, found in rates.items()},
        {str(count): round(cost, 2) for count, cost in cpu.items()},
        {str(count): round(cpu[count] - cpu[count - 1], 2) for count in range(1, MOST + 1)},
    )


def twins(bundle: BundleRef, count: int) -> tuple[Challenger, ...]:
    """Return challengers with one bundle and a policy each, which are scored each by itself."""
    return tuple(Challenger(bundle, policy=Policy(f"twin-{number}", 0.5, 0.9)) for number in range(count))


def _keep_in(seconds: list[float]) -> Callable[[Running], None]:
    return lambda process: seconds.append(process.cpu_seconds)

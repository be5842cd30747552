"""One whole bench on one broker."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from benchmarks.pipeline.drift import DriftCost, measure_drift
from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.footprint import Footprint, Soak, measure_footprint, soak
from benchmarks.pipeline.inputs import Materials, gather
from benchmarks.pipeline.latency import Latency, measure_latency
from benchmarks.pipeline.machine import look_at_machine
from benchmarks.pipeline.programs import WORKER, Program, rival, the_worker
from benchmarks.pipeline.quix_environment import quix_python
from benchmarks.pipeline.report import BenchReport, ratio_of_runs, summarize_runs
from benchmarks.pipeline.shadows import ShadowCost, measure_shadows
from benchmarks.pipeline.swap import Swap, measure_swap, swap_count
from benchmarks.pipeline.throughput import Course, measure, order_of
from benchmarks.pipeline.trial_broker import Field
from stream.local.broker import LocalBroker

#: Batch sizes tried for each rival.
RIVALS: dict[str, tuple[int, ...]] = {
    "confluent_loop": (1000, 2000, 5000),
    "quix": (500, 2000, 10_000),
    "plain_faust": (100, 500, 2000),
}
#: Transactions a second at which latency is measured.
RATES = (2_000, 10_000)
SOAK_EVENTS = 2_000_000
#: Transactions that heat the broker before anything counts: its compiler makes it three times as fast meanwhile.
WARM_UP_EVENTS = 600_000
#: Transactions that each batch size is tried on.
TRIAL_EVENTS = 50_000
#: Transactions that memory, start and stop are measured with.
FOOTPRINT_EVENTS = 200_000
#: In the place of any of these, and of the soak's, when it is to be quick.
QUICK_EVENTS = 20_000


@dataclass(frozen=True)
class BenchOptions:
    """What to measure.

    Attributes:
        runs: Of each program; the median counts.
        run_s: Seconds of a run, about: each program gets as many transactions as it takes that long to decide.
        quick: One short run with one batch size each, to see that everything works.
        rivals: Names out of `RIVALS`.
        latency: Whether to measure latency, also around a champion's swap.
        latency_s: Seconds at each rate.
        shadows: Whether to measure what each further challenger costs.
        drift: Whether to measure what counting for drift costs.
        soak: Whether to send two million transactions for the growth of memory.
        var: Where data and models lie, or are put when they are not there.
    """

    runs: int = 5
    run_s: float = 20.0
    quick: bool = False
    rivals: tuple[str, ...] = tuple(RIVALS)
    latency: bool = True
    latency_s: float = 60.0
    soak: bool = False
    shadows: bool = True
    drift: bool = True
    var: Path = Path("var")

    @property
    def quickened(self) -> "BenchOptions":
        """What `quick` makes of them."""
        if not self.quick:
            return self
        return replace(self, runs=1, run_s=1.0, latency_s=5.0)

    def shortened(self, many: int) -> int:
        """So many transactions, or few if it is to be quick."""
        return QUICK_EVENTS if self.quick else many


class _Display:
    """One line of progress on stderr: what is done now, and how far it is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task("start", total=None)

    def step(self, what: str, total: int | None = None) -> None:
        """Begin something."""
        self._progress.update(self._task, description=what, completed=0, total=total)

    def at(self, done: int) -> None:
        """Show how far it is."""
        self._progress.update(self._task, completed=done)


@contextmanager
def _display() -> Iterator[_Display]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Display(progress)


def run_bench(options: BenchOptions) -> BenchReport:
    """Measure everything the options ask for, on a broker of its own.

    Raises:
        FraudError: If a program fails, or decides a transaction not exactly once.
    """
    options = options.quickened
    machine = look_at_machine()
    with _display() as display, tempfile.TemporaryDirectory(prefix="fraud-bench-") as directory:
        scratch = Path(directory)
        materials = gather(options.var, scratch, display.step)
        programs, left_out = _programs(options, materials, display)
        with LocalBroker(brief=options.quick, on_step=display.step) as broker:
            bench = _Bench(options, Field(broker.bootstrap, materials), materials, scratch, display)
            bench.warm_up()
            courses = {program.name: bench.course(program) for program in programs}
            rates = bench.throughput(programs, courses)
            shadows = bench.shadows(courses[WORKER]) if options.shadows else None
            drift = bench.drift(courses[WORKER]) if options.drift else None
            latency = bench.latency() if options.latency else None
            swap = bench.swap() if options.latency else None
            footprint = bench.footprint()
            soaked = bench.soak() if options.soak else None
    medians, spreads = summarize_runs(rates)
    names = (WORKER, *RIVALS)
    return BenchReport(
        throughput={name: medians.get(name) for name in names},
        ratio={name: ratio_of_runs(rates[WORKER], rates[name]) if name in rates else None for name in RIVALS},
        spread={name: spreads.get(name) for name in names},
        batch={name: course.batch for name, course in courses.items() if name != WORKER},
        left_out=left_out,
        events={name: course.events for name, course in courses.items()},
        shadows=shadows,
        drift=drift,
        latency_ms=latency,
        swap_ms=swap,
        rss_mib=footprint.rss_mib,
        start_seconds=footprint.start_seconds,
        stop_seconds=footprint.stop_seconds,
        soak=soaked,
        machine=machine,
    )


def _programs(options: BenchOptions, materials: Materials, display: _Display) -> tuple[list[Program], dict[str, str]]:
    programs, left_out = [the_worker()], {}
    for name, batches in RIVALS.items():
        python: Path | None = Path(sys.executable)
        reason = "not asked for"
        if name in options.rivals and name == "quix":
            display.step("Installing Quix Streams into an environment of its own")
            python, reason = quix_python()
        if name in options.rivals and python is not None:
            programs.append(rival(name, python, materials, batches[1:2] if options.quick else batches))
        else:
            left_out[name] = reason
    return programs, left_out


class _Bench:
    """The parts of a bench, on one field."""

    def __init__(
        self, options: BenchOptions, field: Field, materials: Materials, scratch: Path, display: _Display
    ) -> None:
        self._options = options
        self._field = field
        self._rows = materials.rows
        self._challenger, self._newcomer = materials.challengers[:2]
        self._scratch = scratch
        self._display = display

    def warm_up(self) -> None:
        """Let the worker run once for nothing, so that the first run that counts finds the same broker as the last."""
        events = self._options.shortened(WARM_UP_EVENTS)
        topic = self._filled(events)
        self._display.step("warming the broker up", events)
        self._measure(the_worker(), Course(topic, 0, events))

    def course(self, program: Program) -> Course:
        """Find the batch size at which a program is fastest, and fill a topic that takes it a run's time to empty."""
        events = self._options.shortened(TRIAL_EVENTS)
        topic = self._filled(events)
        rates = {}
        for batch in program.batches:
            self._display.step(f"{program.name}: the best of batches {program.batches}", events)
            rates[batch] = self._measure(program, Course(topic, batch, events))
        best = max(rates, key=lambda batch: rates[batch])
        events = round(rates[best] * self._options.run_s)
        return Course(self._filled(events), best, events)

    def throughput(self, programs: Sequence[Program], courses: dict[str, Course]) -> dict[str, list[float]]:
        """Return the rates of all runs by program."""
        rates: dict[str, list[float]] = {program.name: [] for program in programs}
        for run in range(self._options.runs):
            for program in order_of(run, programs):
                course = courses[program.name]
                self._display.step(f"{program.name}: run {run + 1} of {self._options.runs}", course.events)
                rates[program.name].append(self._measure(program, course))
        return rates

    def shadows(self, course: Course) -> ShadowCost:
        """Return what each further challenger costs."""
        return measure_shadows(
            self._field,
            self._challenger,
            course,
            runs=self._options.runs,
            scratch=self._scratch,
            on_step=lambda what: self._display.step(what, course.events),
            on_progress=self._display.at,
        )

    def drift(self, course: Course) -> DriftCost:
        """Return what counting for drift costs."""
        return measure_drift(
            self._field,
            course,
            runs=self._options.runs,
            scratch=self._scratch,
            on_step=lambda what: self._display.step(what, course.events),
            on_progress=self._display.at,
        )

    def swap(self) -> Swap:
        """Return the longest latency around a champion's swap."""
        count = swap_count()
        self._display.step("another champion takes over", count)
        return measure_swap(
            the_worker(),
            self._field.prepare(),
            Feed(self._rows, count),
            champion=self._newcomer,
            watching=self._challenger,
            scratch=self._scratch,
            on_sent=self._display.at,
        )

    def latency(self) -> dict[str, Latency]:
        """Return the worker's latency by rate."""
        found = {}
        for rate in RATES:
            count = round(rate * self._options.latency_s)
            self._display.step(f"latency at {rate:,} transactions/s", count)
            settings = self._field.prepare()
            found[str(rate)] = measure_latency(
                the_worker(),
                settings,
                Feed(self._rows, count),
                rate=rate,
                scratch=self._scratch,
                on_sent=self._display.at,
            )
        return found

    def footprint(self) -> Footprint:
        """Return the worker's memory, start and stop, with three models."""
        self._display.step("start, memory and stop")
        feed = Feed(self._rows, self._options.shortened(FOOTPRINT_EVENTS))
        return measure_footprint(the_worker(), self._field.prepare(challengers=2), feed, self._scratch)

    def soak(self) -> Soak:
        """Return the growth of its memory."""
        events = self._options.shortened(SOAK_EVENTS)
        self._display.step(f"memory over {events:,} transactions", events)
        settings = self._field.prepare(challengers=2)
        return soak(the_worker(), settings, Feed(self._rows, events), self._scratch, self._display.at)

    def _measure(self, program: Program, course: Course) -> float:
        settings = self._field.prepare(transactions=course.topic)
        return measure(program, settings, course, scratch=self._scratch, on_progress=self._display.at)

    def _filled(self, events: int) -> str:
        """Fill a fresh input topic and return its name."""
        self._display.step(f"sending {events:,} transactions", events)
        return self._field.fill(Feed(self._rows, events), self._display.at)

"""A complete run of the pipeline benchmark on one broker."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pipeline.drift import DriftCost, measure_drift_cost
from benchmarks.pipeline.footprint import Footprint, SoakResult, measure_footprint, measure_soak
from benchmarks.pipeline.inputs import BenchmarkInputs
from benchmarks.pipeline.latency import Latency, measure_latency
from benchmarks.pipeline.machine import describe_machine
from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from benchmarks.pipeline.options import (
    BASELINES,
    FOOTPRINT_EVENTS,
    LATENCY_RATES,
    SOAK_EVENTS,
    TRIAL_EVENTS,
    WARM_UP_EVENTS,
    BenchmarkOptions,
)
from benchmarks.pipeline.prepare import prepare_inputs
from benchmarks.pipeline.programs import WORKER, Program, baseline_program, worker_program
from benchmarks.pipeline.progress import ProgressLine, progress_line
from benchmarks.pipeline.quix_environment import quix_python
from benchmarks.pipeline.report import BenchmarkReport, ratio_of_runs, summarize_runs
from benchmarks.pipeline.shadows import ShadowCost, measure_shadow_cost
from benchmarks.pipeline.swap import SwapLatency, measure_swap, swap_count
from benchmarks.pipeline.throughput import Workload, measure_throughput, program_order
from benchmarks.pipeline.trial_broker import TrialBroker
from stream.local.broker import LocalBroker


def run_benchmark(options: BenchmarkOptions) -> BenchmarkReport:
    """Measure everything that the options request, on a local broker.

    Raises:
        FraudError: If a program fails, or a transaction is not decided exactly once.
    """
    options = options.effective
    machine = describe_machine()
    with progress_line() as progress, tempfile.TemporaryDirectory(prefix="fraud-bench-") as directory:
        scratch = Path(directory)
        inputs = prepare_inputs(options.var, scratch, progress.step)
        programs, left_out = _programs(options, inputs, progress)
        with LocalBroker(brief=options.quick, on_step=progress.step) as broker:
            benchmark = _Benchmark(options, TrialBroker(broker.bootstrap, inputs), inputs, scratch, progress)
            benchmark.warm_up()
            workloads = {program.name: benchmark.choose_workload(program) for program in programs}
            rates = benchmark.throughput(programs, workloads)
            shadows = benchmark.shadows(workloads[WORKER]) if options.shadows else None
            drift = benchmark.drift(workloads[WORKER]) if options.drift else None
            latency = benchmark.latency() if options.latency else None
            swap = benchmark.swap() if options.latency else None
            footprint = benchmark.footprint()
            soak = benchmark.soak() if options.soak else None
    medians, spreads = summarize_runs(rates)
    names = (WORKER, *BASELINES)
    return BenchmarkReport(
        throughput={name: medians.get(name) for name in names},
        ratio={name: ratio_of_runs(rates[WORKER], rates[name]) if name in rates else None for name in BASELINES},
        spread={name: spreads.get(name) for name in names},
        batch={name: workload.batch for name, workload in workloads.items() if name != WORKER},
        left_out=left_out,
        events={name: workload.events for name, workload in workloads.items()},
        shadows=shadows,
        drift=drift,
        latency_ms=latency,
        swap_ms=swap,
        rss_mib=footprint.rss_mib,
        start_seconds=footprint.start_seconds,
        stop_seconds=footprint.stop_seconds,
        soak=soak,
        machine=machine,
    )


def _programs(
    options: BenchmarkOptions, inputs: BenchmarkInputs, progress: ProgressLine
) -> tuple[list[Program], dict[str, str]]:
    """Return the programs to measure, and the reason for each baseline that is left out."""
    programs, left_out = [worker_program()], {}
    for name, batches in BASELINES.items():
        python: Path | None = Path(sys.executable)
        reason = "not requested"
        if name in options.baselines and name == "quix":
            progress.step("Installing Quix Streams into its own environment")
            python, reason = quix_python()
        if name in options.baselines and python is not None:
            programs.append(baseline_program(name, python, inputs, batches[1:2] if options.quick else batches))
        else:
            left_out[name] = reason
    return programs, left_out


class _Benchmark:
    """The measurements, all on one broker."""

    def __init__(
        self,
        options: BenchmarkOptions,
        trials: TrialBroker,
        inputs: BenchmarkInputs,
        scratch: Path,
        progress: ProgressLine,
    ) -> None:
        self._options = options
        self._trials = trials
        self._transactions = inputs.transactions
        self._challenger, self._new_champion = inputs.challengers[:2]
        self._scratch = scratch
        self._progress = progress

    def warm_up(self) -> None:
        """Run the worker once without recording the result, so that the broker is warm for the first measured run."""
        events = self._options.event_count(WARM_UP_EVENTS)
        topic = self._fill_topic(events)
        self._progress.step("warming up the broker", events)
        self._measure(worker_program(), Workload(topic, 0, events))

    def choose_workload(self, program: Program) -> Workload:
        """Find the program's fastest batch size, and fill a topic that keeps it busy for `run_s` seconds."""
        events = self._options.event_count(TRIAL_EVENTS)
        topic = self._fill_topic(events)
        rates = {}
        for batch in program.batches:
            self._progress.step(f"{program.name}: choosing a batch size out of {program.batches}", events)
            rates[batch] = self._measure(program, Workload(topic, batch, events))
        best = max(rates, key=lambda batch: rates[batch])
        events = round(rates[best] * self._options.run_s)
        return Workload(self._fill_topic(events), best, events)

    def throughput(self, programs: Sequence[Program], workloads: dict[str, Workload]) -> dict[str, list[float]]:
        """Return each program's rate in every run, in transactions/s."""
        rates: dict[str, list[float]] = {program.name: [] for program in programs}
        for run in range(self._options.runs):
            for program in program_order(run, programs):
                workload = workloads[program.name]
                self._progress.step(f"{program.name}: run {run + 1} of {self._options.runs}", workload.events)
                rates[program.name].append(self._measure(program, workload))
        return rates

    def shadows(self, workload: Workload) -> ShadowCost:
        """Return the cost of each additional challenger."""
        return measure_shadow_cost(
            self._trials,
            self._challenger,
            workload,
            runs=self._options.runs,
            scratch=self._scratch,
            on_step=lambda step: self._progress.step(step, workload.events),
            on_progress=self._progress.advance_to,
        )

    def drift(self, workload: Workload) -> DriftCost:
        """Return the cost of drift counting."""
        return measure_drift_cost(
            self._trials,
            workload,
            runs=self._options.runs,
            scratch=self._scratch,
            on_step=lambda step: self._progress.step(step, workload.events),
            on_progress=self._progress.advance_to,
        )

    def swap(self) -> SwapLatency:
        """Return the longest latency around a change of champion."""
        count = swap_count()
        self._progress.step("changing the champion", count)
        return measure_swap(
            worker_program(),
            self._trials.prepare(),
            NumberedTransactions(self._transactions, count),
            champion=self._new_champion,
            challenger=self._challenger,
            scratch=self._scratch,
            on_sent=self._progress.advance_to,
        )

    def latency(self) -> dict[str, Latency]:
        """Return the worker's latency by rate."""
        latencies = {}
        for rate in LATENCY_RATES:
            count = round(rate * self._options.latency_s)
            self._progress.step(f"latency at {rate:,} transactions/s", count)
            settings = self._trials.prepare()
            latencies[str(rate)] = measure_latency(
                worker_program(),
                settings,
                NumberedTransactions(self._transactions, count),
                rate=rate,
                scratch=self._scratch,
                on_sent=self._progress.advance_to,
            )
        return latencies

    def footprint(self) -> Footprint:
        """Return the worker's memory, start time and stop time with three models."""
        self._progress.step("start, memory and stop")
        messages = NumberedTransactions(self._transactions, self._options.event_count(FOOTPRINT_EVENTS))
        return measure_footprint(worker_program(), self._trials.prepare(challengers=2), messages, self._scratch)

    def soak(self) -> SoakResult:
        """Return the growth of the worker's memory over many transactions."""
        events = self._options.event_count(SOAK_EVENTS)
        self._progress.step(f"memory over {events:,} transactions", events)
        settings = self._trials.prepare(challengers=2)
        messages = NumberedTransactions(self._transactions, events)
        return measure_soak(worker_program(), settings, messages, self._scratch, self._progress.advance_to)

    def _measure(self, program: Program, workload: Workload) -> float:
        settings = self._trials.prepare(transactions=workload.topic)
        return measure_throughput(
            program, settings, workload, scratch=self._scratch, on_progress=self._progress.advance_to
        )

    def _fill_topic(self, events: int) -> str:
        """Fill a new input topic and return its name."""
        self._progress.step(f"sending {events:,} transactions", events)
        return self._trials.fill(NumberedTransactions(self._transactions, events), self._progress.advance_to)

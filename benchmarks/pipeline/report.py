"""Report of the pipeline benchmark, as JSON and as tables."""

from collections.abc import Sequence
from statistics import median

import msgspec
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table

from benchmarks.pipeline.drift import DriftCost
from benchmarks.pipeline.footprint import SoakResult
from benchmarks.pipeline.latency import Latency
from benchmarks.pipeline.machine import KafkaMachine
from benchmarks.pipeline.programs import WORKER
from benchmarks.pipeline.shadows import ShadowCost
from benchmarks.pipeline.swap import SwapLatency


class Spread(Struct, frozen=True):
    """Rates of one program in transactions/s: the lowest, the highest, and the rate in every run."""

    lowest: float
    highest: float
    runs: tuple[float, ...]


class BenchmarkReport(Struct, frozen=True):
    """All results; a result is None if its measurement was skipped or its baseline could not be installed."""

    #: Median rate by program, transactions/s.
    throughput: dict[str, float | None]
    #: The worker's rate divided by each baseline's rate in the same round (because the machine's speed changes
    #: between rounds): the median over the rounds.
    ratio: dict[str, float | None]
    spread: dict[str, Spread | None]
    #: The fastest batch size of each baseline.
    batch: dict[str, int]
    #: Reason why a program was not measured, by name.
    left_out: dict[str, str]
    #: Number of transactions in a run, by program.
    events: dict[str, int]
    shadows: ShadowCost | None
    drift: DriftCost | None
    #: End-to-end latency, by rate in transactions per second.
    latency_ms: dict[str, Latency] | None
    #: Longest latency before and around a change of champion.
    swap_ms: SwapLatency | None
    #: Resident memory of a worker with a champion and two challengers, in MiB.
    rss_mib: float
    start_seconds: float
    stop_seconds: float
    soak: SoakResult | None
    machine: KafkaMachine


def summarize_runs(rates: dict[str, list[float]]) -> tuple[dict[str, float], dict[str, Spread]]:
    """Return the median and the spread of each program's rates."""
    medians = {name: round(median(runs), 1) for name, runs in rates.items()}
    spreads = {
        name: Spread(round(min(runs), 1), round(max(runs), 1), tuple(round(rate, 1) for rate in runs))
        for name, runs in rates.items()
    }
    return medians, spreads


def ratio_of_runs(worker: Sequence[float], baseline: Sequence[float]) -> float:
    """Return the worker's rate divided by the baseline's rate, as the median over the rounds.

    >>> ratio_of_runs([10.0, 30.0, 30.0], [5.0, 10.0, 15.0])
    2.0
    """
    return round(median(ours / theirs for ours, theirs in zip(worker, baseline, strict=True)), 3)


def to_json(report: BenchmarkReport) -> str:
    """Return the report as one JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def render(report: BenchmarkReport) -> RenderableType:
    """Return the report as tables for a terminal."""
    machine = report.machine
    title = f"{machine.cores} x {machine.cpu}, {machine.memory_gib:g} GiB, {machine.os}, Python {machine.python}"
    return Group(
        title,
        _throughput(report),
        _shadows(report),
        _drift(report),
        _latency(report),
        _swap(report),
        _footprint(report),
    )


def _throughput(report: BenchmarkReport) -> Table:
    columns = ("program", "transactions/s", "lowest - highest", "speed of the worker", "batch")
    table = Table(*columns, title="Throughput")
    for name, rate in report.throughput.items():
        spread, ratio = report.spread[name], report.ratio.get(name)
        if rate is None or spread is None:
            table.add_row(name, "-", report.left_out.get(name, ""), "", "")
            continue
        table.add_row(
            name,
            f"{rate:,.0f}",
            f"{spread.lowest:,.0f} - {spread.highest:,.0f}",
            "" if name == WORKER or ratio is None else f"{ratio:.2f} x as fast",
            str(report.batch.get(name, "")),
        )
    return table


def _shadows(report: BenchmarkReport) -> RenderableType:
    if report.shadows is None:
        return ""
    columns = ("challengers", "transactions/s", "processor time, µs", "added by the last, µs")
    table = Table(*columns, title="Throughput of the worker by number of challengers")
    for count, rate in report.shadows.throughput.items():
        added = report.shadows.added_us.get(count)
        cpu = report.shadows.cpu_us[count]
        table.add_row(count, f"{rate:,.0f}", f"{cpu:.1f}", "" if added is None else f"{added:.1f}")
    return table


def _drift(report: BenchmarkReport) -> RenderableType:
    cost = report.drift
    if cost is None:
        return ""
    title = f"Throughput of the worker with and without drift monitoring (cost: {cost.slower_percent:.1f}%)"
    columns = ("FRAUD_DRIFT_MONITOR", "transactions/s", "processor time, µs", "memory, MiB")
    table = Table(*columns, title=title)
    for switch, rate in cost.throughput.items():
        table.add_row(switch, f"{rate:,.0f}", f"{cost.cpu_us[switch]:.1f}", f"{cost.rss_mib[switch]:.0f}")
    return table


def _swap(report: BenchmarkReport) -> RenderableType:
    if report.swap_ms is None:
        return ""
    before, around = report.swap_ms.before, report.swap_ms.around
    return f"Longest latency around a change of champion: {around:.0f} ms; before it: {before:.0f} ms"


def _latency(report: BenchmarkReport) -> RenderableType:
    if report.latency_ms is None:
        return ""
    table = Table("transactions/s", "p50", "p99", "p99.9", "max", title="End-to-end latency, ms")
    for rate, latency in report.latency_ms.items():
        values = (latency.p50, latency.p99, latency.p99_9, latency.max)
        table.add_row(rate, *(f"{value:.1f}" for value in values))
    return table


def _footprint(report: BenchmarkReport) -> Table:
    table = Table("", "", title="Worker with three models", show_header=False)
    table.add_row("resident memory", f"{report.rss_mib:.0f} MiB")
    table.add_row("time from start to first decision", f"{report.start_seconds:.1f} s")
    table.add_row("time to stop", f"{report.stop_seconds:.1f} s")
    if report.soak is not None:
        table.add_row(f"memory growth over {report.soak.events:,} transactions", f"{report.soak.growth_percent:+.1f}%")
    return table

"""What `fraud-stream bench` found, as JSON and as a table."""

from collections.abc import Sequence
from statistics import median

import msgspec
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table

from benchmarks.pipeline.drift import DriftCost
from benchmarks.pipeline.footprint import Soak
from benchmarks.pipeline.latency import Latency
from benchmarks.pipeline.machine import Machine
from benchmarks.pipeline.programs import WORKER
from benchmarks.pipeline.shadows import ShadowCost
from benchmarks.pipeline.swap import Swap


class Spread(Struct, frozen=True):
    """All runs of one program, events/s."""

    lowest: float
    highest: float
    runs: tuple[float, ...]


class BenchReport(Struct, frozen=True):
    """Everything measured; None where something was left out or could not be had."""

    #: Median, events/s.
    throughput: dict[str, float | None]
    #: The worker's over each rival's in the same round, median of the rounds: between two rounds the machine changes.
    ratio: dict[str, float | None]
    spread: dict[str, Spread | None]
    #: The best batch size of each rival.
    batch: dict[str, int]
    #: Why a program was not measured, by name.
    left_out: dict[str, str]
    #: Transactions in a run of each program.
    events: dict[str, int]
    shadows: ShadowCost | None
    drift: DriftCost | None
    #: End to end, by transactions a second.
    latency_ms: dict[str, Latency] | None
    #: Longest latency before and around a champion's swap.
    swap_ms: Swap | None
    #: Of a worker with a champion and two challengers.
    rss_mib: float
    start_seconds: float
    stop_seconds: float
    soak: Soak | None
    machine: Machine


def summarize_runs(rates: dict[str, list[float]]) -> tuple[dict[str, float], dict[str, Spread]]:
    """Return medians and spreads."""
    medians = {name: round(median(found), 1) for name, found in rates.items()}
    spreads = {
        name: Spread(round(min(found), 1), round(max(found), 1), tuple(round(rate, 1) for rate in found))
        for name, found in rates.items()
    }
    return medians, spreads


def ratio_of_runs(worker: Sequence[float], rival: Sequence[float]) -> float:
    """Return how many times as fast the worker was, as the median of the rounds.

    >>> ratio_of_runs([10.0, 30.0, 30.0], [5.0, 10.0, 15.0])
    2.0
    """
    return round(median(own / other for own, other in zip(worker, rival, strict=True)), 3)


def to_json(report: BenchReport) -> str:
    """One JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def render(report: BenchReport) -> RenderableType:
    """Tables for people."""
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


def _throughput(report: BenchReport) -> Table:
    table = Table("program", "events/s", "lowest - highest", "worker is", "batch", title="Throughput")
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


def _shadows(report: BenchReport) -> RenderableType:
    if report.shadows is None:
        return ""
    columns = ("challengers", "events/s", "processor time, µs", "the last one's, µs")
    table = Table(*columns, title="The worker by number of challengers")
    for count, rate in report.shadows.throughput.items():
        added = report.shadows.added_us.get(count)
        cpu = report.shadows.cpu_us[count]
        table.add_row(count, f"{rate:,.0f}", f"{cpu:.1f}", "" if added is None else f"{added:.1f}")
    return table


def _drift(report: BenchReport) -> RenderableType:
    cost = report.drift
    if cost is None:
        return ""
    title = f"The worker with drift and without: {cost.slower_percent:+.1f} % of its throughput"
    table = Table("FRAUD_DRIFT_MONITOR", "events/s", "processor time, µs", "memory, MiB", title=title)
    for switch, rate in cost.throughput.items():
        table.add_row(switch, f"{rate:,.0f}", f"{cost.cpu_us[switch]:.1f}", f"{cost.rss_mib[switch]:.0f}")
    return table


def _swap(report: BenchReport) -> RenderableType:
    if report.swap_ms is None:
        return ""
    before, around = report.swap_ms.before, report.swap_ms.around
    return f"Longest latency around a new champion's taking over: {around:.0f} ms, before it {before:.0f} ms"


def _latency(report: BenchReport) -> RenderableType:
    if report.latency_ms is None:
        return ""
    table = Table("transactions/s", "p50", "p99", "p99.9", "max", title="Latency end to end, ms")
    for rate, found in report.latency_ms.items():
        table.add_row(rate, *(f"{value:.1f}" for value in (found.p50, found.p99, found.p99_9, found.max)))
    return table


def _footprint(report: BenchReport) -> Table:
    table = Table("", "", title="The worker with three models", show_header=False)
    table.add_row("resident memory", f"{report.rss_mib:.0f} MiB")
    table.add_row("start to first decision", f"{report.start_seconds:.1f} s")
    table.add_row("stop", f"{report.stop_seconds:.1f} s")
    if report.soak is not None:
        table.add_row(f"growth over {report.soak.events:,} transactions", f"{report.soak.growth_percent:+.1f} %")
    return table

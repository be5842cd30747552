"""Report of the training benchmark, as JSON and as a table."""

from collections.abc import Mapping, Sequence
from statistics import median

import msgspec
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table

from benchmarks.training.measure import StepMeasurement
from training.machine import Machine

#: Title of each step in the table.
_TITLES = {
    "csv_to_parquet": "CSV to Parquet",
    "load_parquet": "load Parquet",
    "matrices": "split and feature matrices",
    "trial": "one study trial",
    "export": "export to ONNX",
    "parity": "parity on test",
}


class StepReport(Struct, frozen=True):
    """Results of all runs of one step."""

    #: Median duration of the runs.
    seconds: float
    lowest_seconds: float
    highest_seconds: float
    #: Peak resident memory of the process in any run: interpreter, libraries, the step's input and the step.
    peak_mib: float
    #: Peak resident memory when the step began.
    before_mib: float


class DataSize(Struct, frozen=True):
    """Size of the data file, and the hash that identifies it."""

    rows: int
    frauds: int
    csv_bytes: int
    sha256: str


class TrainingReport(Struct, frozen=True):
    """Results of all steps."""

    #: Results by step name, in the order in which the steps run, each in its own process.
    steps: dict[str, StepReport]
    runs: int
    data: DataSize
    machine: Machine


def summarize(measurements: Mapping[str, Sequence[StepMeasurement]]) -> dict[str, StepReport]:
    """Return each step's median time and peak memory."""
    return {name: _summary(runs) for name, runs in measurements.items()}


def to_json(report: TrainingReport) -> str:
    """Return the report as one JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def render(report: TrainingReport) -> RenderableType:
    """Return the report as a table for a terminal."""
    machine, data = report.machine, report.data
    title = f"{machine.cores} x {machine.cpu}, {machine.memory_gib:g} GiB, {machine.os}, Python {machine.python}"
    size = f"{data.rows:,} rows, {data.frauds:,} frauds, {data.csv_bytes / 1e6:,.1f} MB as CSV; median of {report.runs}"
    table = Table("step", "seconds", "lowest - highest", "peak memory", "before the step", title=size)
    for name, step in report.steps.items():
        table.add_row(
            _TITLES[name],
            f"{step.seconds:.2f}",
            f"{step.lowest_seconds:.2f} - {step.highest_seconds:.2f}",
            f"{step.peak_mib:.0f} MiB",
            f"{step.before_mib:.0f} MiB",
        )
    return Group(title, table)


def _summary(runs: Sequence[StepMeasurement]) -> StepReport:
    seconds = [each.seconds for each in runs]
    return StepReport(
        seconds=round(median(seconds), 4),
        lowest_seconds=round(min(seconds), 4),
        highest_seconds=round(max(seconds), 4),
        peak_mib=round(max(each.peak_mib for each in runs), 1),
        before_mib=round(max(each.before_mib for each in runs), 1),
    )

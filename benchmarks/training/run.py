"""One whole bench: each step in a process of its own, a few times over."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl

from benchmarks.training.measure import CSV, Measured
from benchmarks.training.report import BenchReport, DataSize, summarize
from schemas.errors import DataError, FraudError
from training.data.dataset import load
from training.machine import look_at_machine

#: The program that holds each step, in the order of the work: a step may need an earlier one's file.
STEPS = {
    "csv_to_parquet": "benchmarks.training.data_steps",
    "load_parquet": "benchmarks.training.data_steps",
    "matrices": "benchmarks.training.model_steps",
    "trial": "benchmarks.training.model_steps",
    "export": "benchmarks.training.model_steps",
    "parity": "benchmarks.training.model_steps",
}
Report = Callable[[str], None]
#: Whose versions decide the figures.
_PACKAGES = ("lightgbm", "numpy", "onnx", "onnxruntime", "polars", "scikit-learn")


def calls(runs: int) -> int:
    """Return how often `run_bench` calls its `report`, for a progress bar."""
    return 1 + runs * len(STEPS)


def run_bench(data: Path, runs: int, report: Report) -> BenchReport:
    """Measure all steps on a data file.

    Args:
        data: Parquet or CSV.
        runs: Of each step; the median counts.
        report: Told each step, for a progress display.

    Raises:
        DataError: If the data cannot be used, or there is no room for a copy as CSV.
        FraudError: If a step fails.
    """
    machine = look_at_machine(_PACKAGES)
    with tempfile.TemporaryDirectory(prefix="fraud-bench-") as scratch:
        directory = Path(scratch)
        report("write the data as CSV")
        rows = load(data)
        _copy_as_csv(data, directory / CSV)
        found: dict[str, list[Measured]] = {name: [] for name in STEPS}
        for run in range(runs):
            # Round by round: what the machine does besides hits all steps alike.
            for name, measured in found.items():
                report(f"{name}: run {run + 1} of {runs}")
                measured.append(_measure_apart(name, directory))
        csv_bytes = (directory / CSV).stat().st_size
    size = DataSize(rows=len(rows), frauds=int(rows.label.sum()), csv_bytes=csv_bytes, sha256=rows.sha256)
    return BenchReport(summarize(found), runs, size, machine)


def _copy_as_csv(data: Path, csv: Path) -> None:
    try:
        if data.suffix == ".csv":
            shutil.copyfile(data, csv)
        else:
            pl.read_parquet(data).write_csv(csv)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{data} cannot be copied to {csv.parent} as CSV ({reason}); see TMPDIR") from error


def _measure_apart(name: str, directory: Path) -> Measured:
    command = [sys.executable, "-m", STEPS[name], name, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # all our own
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise FraudError(f"the step {name} failed: {said}")
    return msgspec.json.decode(done.stdout, type=Measured)

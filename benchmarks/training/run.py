"""A complete run of the training benchmark: each step runs several times, always in its own process."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl

from benchmarks.training.measure import CSV, StepMeasurement
from benchmarks.training.report import DataSize, TrainingReport, summarize
from schemas.errors import DataError, FraudError
from training.data.dataset import load
from training.machine import describe_machine

#: The module that runs each step, in order: a step may read a file that an earlier one wrote.
STEPS = {
    "csv_to_parquet": "benchmarks.training.data_steps",
    "load_parquet": "benchmarks.training.data_steps",
    "matrices": "benchmarks.training.model_steps",
    "trial": "benchmarks.training.model_steps",
    "export": "benchmarks.training.model_steps",
    "parity": "benchmarks.training.model_steps",
}
Report = Callable[[str], None]
#: Packages whose versions affect the results.
_PACKAGES = ("lightgbm", "numpy", "onnx", "onnxruntime", "polars", "scikit-learn")


def progress_steps(runs: int) -> int:
    """Return the number of steps that `run_benchmark` reports, for a progress bar."""
    return 1 + runs * len(STEPS)


def run_benchmark(data: Path, runs: int, report: Report) -> TrainingReport:
    """Measure all steps on a data file.

    Args:
        data: Parquet or CSV file.
        runs: Number of runs of each step; the report gives the median.
        report: Called with a description of each step, for a progress display.

    Raises:
        DataError: If the data cannot be read, or the disk is too full for a copy as CSV.
        FraudError: If a step fails.
    """
    machine = describe_machine(_PACKAGES)
    with tempfile.TemporaryDirectory(prefix="fraud-bench-") as scratch:
        directory = Path(scratch)
        report("write the data as CSV")
        rows = load(data)
        _copy_as_csv(data, directory / CSV)
        measurements: dict[str, list[StepMeasurement]] = {name: [] for name in STEPS}
        for run in range(runs):
            # The steps run round by round, so that other load on the machine affects all of them alike.
            for name, measured in measurements.items():
                report(f"{name}: run {run + 1} of {runs}")
                measured.append(_run_step(name, directory))
        csv_bytes = (directory / CSV).stat().st_size
    size = DataSize(rows=len(rows), frauds=int(rows.label.sum()), csv_bytes=csv_bytes, sha256=rows.sha256)
    return TrainingReport(summarize(measurements), runs, size, machine)


def _copy_as_csv(data: Path, csv: Path) -> None:
    try:
        if data.suffix == ".csv":
            shutil.copyfile(data, csv)
        else:
            pl.read_parquet(data).write_csv(csv)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"cannot copy {data} to {csv.parent} as CSV ({reason}); set TMPDIR to a directory with more space"
        ) from error


def _run_step(name: str, directory: Path) -> StepMeasurement:
    command = [sys.executable, "-m", STEPS[name], name, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        last_line = (done.stderr.strip().splitlines() or ["no error output"])[-1]
        raise FraudError(f"step {name} failed: {last_line}")
    return msgspec.json.decode(done.stdout, type=StepMeasurement)

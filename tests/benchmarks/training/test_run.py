"""Every step is measured in its own process, and the report describes the data and the machine."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmarks.training import data_steps, model_steps
from benchmarks.training.__main__ import bench
from benchmarks.training.measure import StepMeasurement
from benchmarks.training.report import DataSize, StepReport, TrainingReport, render, summarize
from benchmarks.training.run import STEPS, run_benchmark
from schemas.errors import DataError, FraudError
from tests.training.frames import make_frame
from training.machine import describe_machine

#: MiB that the preparation and the step allocate: far more than the interpreter allocates for itself.
_PREPARED = 40
_WORKED = 64


# Four of the six processes import the boosters: 5 s each on an idle core, many times that on a busy machine.
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_json_is_one_object_with_every_figure(tmp_path: Path) -> None:
    """Stdout contains only a JSON object with the results of each step and descriptions of the data and the machine."""
    data = tmp_path / "data.csv"
    make_frame(2000).write_csv(data)
    done = CliRunner().invoke(bench, ["--data", str(data), "--runs", "1", "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert set(report) == {"steps", "runs", "data", "machine"}
    assert list(report["steps"]) == ["csv_to_parquet", "load_parquet", "matrices", "trial", "export", "parity"]
    for step in report["steps"].values():
        assert set(step) == {"seconds", "lowest_seconds", "highest_seconds", "peak_mib", "before_mib"}
        assert 0 < step["lowest_seconds"] == step["seconds"] == step["highest_seconds"] < 60
        # A Python process with polars or LightGBM needs at least 50 MiB, and the peak never falls.
        assert 50 < step["before_mib"] <= step["peak_mib"] < 4096
    assert report["data"]["csv_bytes"] == data.stat().st_size
    assert (report["data"]["rows"], len(report["data"]["sha256"])) == (2000, 64)
    assert set(report["machine"]["packages"]) >= {"polars", "lightgbm", "onnxruntime"}


def test_the_table_names_every_step_and_the_data() -> None:
    """The table shows the title of every step instead of its name in the code, and the size of the data."""
    step = StepReport(1.5, 1.0, 2.0, 300.0, 250.0)
    report = TrainingReport(
        dict.fromkeys(STEPS, step), 3, DataSize(2000, 30, 10**6, "ab" * 32), describe_machine(("rich",))
    )
    console = Console(width=160)
    with console.capture() as shown:
        console.print(render(report))
    expected = (
        "CSV to Parquet",
        "load Parquet",
        "one study trial",
        "export to ONNX",
        "parity on test",
        "2,000 rows",
        "1.00 - 2.00",
    )
    assert [text for text in expected if text not in shown.get()] == []


def test_the_summary_has_median_time_and_peak_memory() -> None:
    """A slow run does not change the median, but appears as the highest time."""
    runs = [StepMeasurement(seconds, peak, 90.0) for seconds, peak in ((1.0, 100.0), (9.0, 130.0), (2.0, 110.0))]
    summary = summarize({"trial": runs})["trial"]
    assert (summary.lowest_seconds, summary.seconds, summary.highest_seconds) == (1.0, 2.0, 9.0)
    assert (summary.before_mib, summary.peak_mib) == (90.0, 130.0)


def test_preparation_is_not_measured(tmp_path: Path) -> None:
    """Memory that the preparation allocates is reported as used before the step, not as used by the step."""
    # This runs in its own process, like the benchmark's steps, because pytest's memory peak is already higher.
    program = f"""
from pathlib import Path
from benchmarks.training.measure import main

held = []

def step(directory):
    held.append(b"\\1" * ({_PREPARED} << 20))
    return lambda: held.append(b"\\1" * ({_WORKED} << 20))

main({{"step": step}})
"""
    done = subprocess.run([sys.executable, "-c", program, "step", str(tmp_path)], capture_output=True, check=True)
    measured = msgspec.json.decode(done.stdout, type=StepMeasurement)
    assert measured.before_mib > _PREPARED
    assert 0.8 * _WORKED < measured.peak_mib - measured.before_mib < 1.2 * _WORKED


def test_every_step_is_in_the_module_that_runs_it() -> None:
    """Every step exists in the module that runs it, so a step renamed in only one place is noticed."""
    defined = {name: module.__name__ for module in (data_steps, model_steps) for name in module.STEPS}
    assert defined == STEPS


def test_a_failed_step_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a step fails, the one-line error names the step and quotes the last line of its output."""
    data = tmp_path / "data.parquet"
    make_frame(200).write_parquet(data)
    monkeypatch.setattr("benchmarks.training.run.STEPS", {"gone": "benchmarks.training.data_steps"})
    with pytest.raises(FraudError, match=r"^step gone failed: KeyError: 'gone'$"):
        run_benchmark(data, 1, lambda _: None)


def test_missing_data_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    """For a missing file, the benchmark raises the same error as other commands before it measures anything."""
    with pytest.raises(DataError, match="does not exist"):
        run_benchmark(tmp_path / "gone.parquet", 1, lambda _: None)

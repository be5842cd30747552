"""Run the drift lab and write its page and charts. Exits with code 1 if a step fails."""

import argparse
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from benchmarks.drift_lab import pictures
from benchmarks.drift_lab.baselines.evidently import PYTHON
from benchmarks.drift_lab.lab import DriftLabResults, LabSize, run_lab
from benchmarks.drift_lab.page import markdown
from schemas.errors import FraudError
from stream.drift.alarm_rule import drift_limits
from stream.settings import DriftSettings, WatermarkSettings
from training.commands.options import VAR
from training.data.dataset import load

DATA = VAR / "data" / "creditcard.parquet"


def main() -> int:
    """Run the lab, write its page, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=VAR / "drift-lab", help="directory for the page and its charts")
    parser.add_argument(
        "--repetitions",
        type=int,
        default=LabSize.repetitions,
        help="number of repetitions for each scenario and feature",
    )
    options = parser.parse_args()
    logging.getLogger("stream").setLevel(logging.ERROR)
    console = Console(stderr=True)
    try:
        with console.status("start") as status:
            page = _run(options.out, LabSize(repetitions=options.repetitions), status.update)
    except FraudError as error:
        console.print(f"drift-lab: {error}", style="red", markup=False)
        return 1
    Console().print(page)
    return 0


def _run(out: Path, size: LabSize, on_step: Callable[[str], None]) -> Path:
    on_step("data")
    command = [sys.executable, "-m", "training.cli", "fetch-data"]
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:  # noqa: S603 - our own program
        raise FraudError("`fraud-train fetch-data` failed; see its message above")
    with tempfile.TemporaryDirectory(prefix="fraud-drift-lab-") as scratch:
        python = PYTHON if PYTHON.exists() else None
        results = run_lab(
            load(DATA),
            size,
            Path(scratch),
            on_step,
            limits=drift_limits(DriftSettings(), WatermarkSettings()),
            evidently_python=python,
        )
    return write(results, out)


def write(results: DriftLabResults, out: Path) -> Path:
    """Write the page and its charts to a directory, and return the path of the page."""
    out.mkdir(parents=True, exist_ok=True)
    pictures.draw_power(results.power, results.limits.psi, out / pictures.POWER)
    pictures.draw_trend(results.trends, out / pictures.TREND)
    pictures.draw_natural(results.natural[results.limits.window_rows], out / pictures.NATURAL)
    pictures.draw_concept(results.timeline, out / pictures.CONCEPT)
    page = out / "drift-lab.md"
    page.write_text(markdown(results), encoding="utf-8")
    return page


if __name__ == "__main__":
    sys.exit(main())

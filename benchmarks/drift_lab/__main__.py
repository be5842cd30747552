"""The drift lab from data to a page with pictures. Exit code 1 when something fails."""

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
from benchmarks.drift_lab.findings import Findings, Size, explore
from benchmarks.drift_lab.page import markdown
from schemas.errors import FraudError
from stream.drift.alarm_rule import drift_limits
from stream.settings import Settings
from training.commands.options import VAR
from training.data.dataset import load

DATA = VAR / "data" / "creditcard.parquet"


def main() -> int:
    """Run the lab and write the page; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=VAR / "drift-lab", help="directory of the page and its pictures")
    parser.add_argument("--repetitions", type=int, default=Size.repetitions, help="of each scenario and feature")
    given = parser.parse_args()
    logging.getLogger("stream").setLevel(logging.ERROR)
    console = Console(stderr=True)
    try:
        with console.status("start") as status:
            page = _run(given.out, Size(repetitions=given.repetitions), status.update)
    except FraudError as error:
        console.print(f"drift-lab: {error}", style="red", markup=False)
        return 1
    Console().print(page)
    return 0


def _run(out: Path, size: Size, on_step: Callable[[str], None]) -> Path:
    on_step("data")
    command = [sys.executable, "-m", "training.cli", "fetch-data"]
    if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:  # noqa: S603 - our own program
        raise FraudError("`fraud-train fetch-data` failed")
    with tempfile.TemporaryDirectory(prefix="fraud-drift-lab-") as scratch:
        python = PYTHON if PYTHON.exists() else None
        found = explore(
            load(DATA), size, Path(scratch), on_step, limits=drift_limits(Settings()), evidently_python=python
        )
    return write(found, out)


def write(found: Findings, out: Path) -> Path:
    """Write the page and its pictures into a directory; return the page."""
    out.mkdir(parents=True, exist_ok=True)
    pictures.draw_power(found.power, found.limits.psi, out / pictures.POWER)
    pictures.draw_trend(found.trends, out / pictures.TREND)
    pictures.draw_natural(found.natural[found.limits.window_rows], out / pictures.NATURAL)
    pictures.draw_concept(found.course, out / pictures.CONCEPT)
    page = out / "drift-lab.md"
    page.write_text(markdown(found), encoding="utf-8")
    return page


if __name__ == "__main__":
    sys.exit(main())

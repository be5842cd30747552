"""Runs one data step, without importing model libraries: `python -m benchmarks.training.data_steps NAME DIRECTORY`."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.training.measure import CSV, PARQUET, Step, main
from training.data.dataset import load
from training.data.description import ULB
from training.data.source import read_columns


def csv_to_parquet(directory: Path) -> Callable[[], object]:
    """Parse the CSV file and write it as Parquet."""
    return lambda: read_columns(directory / CSV, CSV, (*ULB.columns, *ULB.features), ULB.texts).write_parquet(
        directory / PARQUET
    )


def load_parquet(directory: Path) -> Callable[[], object]:
    """Read, check and sort the data in the Parquet file."""
    return lambda: load(directory / PARQUET)


STEPS: dict[str, Step] = {"csv_to_parquet": csv_to_parquet, "load_parquet": load_parquet}

if __name__ == "__main__":
    main(STEPS)

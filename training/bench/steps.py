"""The steps that are measured, each in a process of its own: `python -m training.bench.steps NAME DIRECTORY`."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from training.bench.model import export, few_rows_model, fit, hold_against, read_parts
from training.data.dataset import load, read_csv

#: Files in the directory: the first is given, the others are made by the steps.
CSV = "data.csv"
PARQUET = "data.parquet"
ONNX = "model.onnx"
_MIB = 1 << 20
_KIB = 1 << 10


class Measured(Struct, frozen=True):
    """One step, once."""

    seconds: float
    #: Highest resident memory of the process: interpreter, libraries, the step's input, the step.
    peak_mib: float
    #: The same when the step began.
    before_mib: float


#: The part of a step that is measured.
Act = Callable[[], object]


def _csv_to_parquet(directory: Path) -> Act:
    return lambda: read_csv(directory / CSV).write_parquet(directory / PARQUET)


def _load_parquet(directory: Path) -> Act:
    return lambda: load(directory / PARQUET)


def _trial(directory: Path) -> Act:
    parts = read_parts(directory / PARQUET)
    return lambda: fit(parts.train, parts.split.train.label).margin(parts.validation)


def _export(directory: Path) -> Act:
    model = few_rows_model(read_parts(directory / PARQUET))
    return lambda: export(model, directory / ONNX)


def _parity(directory: Path) -> Act:
    parts = read_parts(directory / PARQUET)
    model = few_rows_model(parts)  # the same as in `_export`, for the seed is fixed
    return lambda: hold_against(model, directory / ONNX, parts)


#: Each prepares, unmeasured, and returns what is measured. In this order, for a step may need an earlier one's file.
STEPS: dict[str, Callable[[Path], Act]] = {
    "csv_to_parquet": _csv_to_parquet,
    "load_parquet": _load_parquet,
    "trial": _trial,
    "export": _export,
    "parity": _parity,
}


def measure(name: str, directory: Path) -> Measured:
    """Prepare a step and measure it."""
    act = STEPS[name](directory)
    before = peak_mib()
    started = time.perf_counter()
    act()
    seconds = time.perf_counter() - started
    return Measured(seconds, peak_mib(), before)


def peak_mib() -> float:
    """Return the highest resident memory of this process so far, MiB."""
    # On Linux ru_maxrss begins with what the parent held when it started us; VmHWM is this program's own.
    status = Path("/proc/self/status")
    for line in status.read_text(encoding="utf-8").splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * _KIB / _MIB
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / _MIB if sys.platform == "darwin" else highest * _KIB / _MIB


def main() -> None:
    """Measure the step named on the command line and print it as JSON."""
    measured = measure(sys.argv[1], Path(sys.argv[2]))
    sys.stdout.write(msgspec.json.encode(measured).decode())


if __name__ == "__main__":
    main()

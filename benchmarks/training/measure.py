"""One step, measured in the process that it has to itself."""

import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

#: Files in a bench's directory: the first is given, the others are made by the steps.
CSV = "data.csv"
PARQUET = "data.parquet"
MATRICES = "matrices.npz"
ONNX = "model.onnx"
_MIB = 1 << 20
_KIB = 1 << 10

#: Prepares in a directory, unmeasured, and returns what is measured.
Step = Callable[[Path], Callable[[], object]]


class Measured(Struct, frozen=True):
    """One step, once."""

    seconds: float
    #: Highest resident memory of the process: interpreter, libraries, the step's input, the step.
    peak_mib: float
    #: The same when the step began.
    before_mib: float


def measure(step: Step, directory: Path) -> Measured:
    """Prepare a step and measure it."""
    act = step(directory)
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


def main(steps: Mapping[str, Step]) -> None:
    """Measure the step that the command line names, in the directory it names, and print it as JSON."""
    measured = measure(steps[sys.argv[1]], Path(sys.argv[2]))
    sys.stdout.write(msgspec.json.encode(measured).decode())

"""Measures one step in its own process."""

import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

#: Files in the benchmark's directory: the first is the input, and the steps write the others.
CSV = "data.csv"
PARQUET = "data.parquet"
MATRICES = "matrices.npz"
ONNX = "model.onnx"
_MIB = 1 << 20
_KIB = 1 << 10

#: Function that prepares a step in a directory, without being measured, and returns the function to measure.
Step = Callable[[Path], Callable[[], object]]


class StepMeasurement(Struct, frozen=True):
    """Duration and memory of one run of one step."""

    seconds: float
    #: Peak resident memory of the process: interpreter, libraries, the step's input and the step.
    peak_mib: float
    #: Peak resident memory when the step began.
    before_mib: float


def measure(step: Step, directory: Path) -> StepMeasurement:
    """Prepare a step, run it, and return its duration and memory."""
    work = step(directory)
    before = peak_mib()
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    return StepMeasurement(seconds, peak_mib(), before)


def peak_mib() -> float:
    """Return the peak resident memory of this process, in MiB."""
    # On Linux ru_maxrss starts from the parent's memory; VmHWM is this program's own.
    status = Path("/proc/self/status")
    for line in status.read_text(encoding="utf-8").splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * _KIB / _MIB
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / _MIB if sys.platform == "darwin" else highest * _KIB / _MIB


def main(steps: Mapping[str, Step]) -> None:
    """Run the step named on the command line in the given directory, and print its measurements as JSON."""
    measured = measure(steps[sys.argv[1]], Path(sys.argv[2]))
    sys.stdout.write(msgspec.json.encode(measured).decode())

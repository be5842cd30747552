"""Runs Evidently on the lab's windows, in a separate virtual environment because it pins other package versions."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.scenarios import SCENARIOS
from benchmarks.drift_lab.windows import WindowSample
from schemas.errors import FraudError

#: Path of the environment's interpreter, the same as in the Makefile.
PYTHON = Path(__file__).parents[3] / ".venv-evidently" / "bin" / "python"
_JOB = Path(__file__).with_name("evidently_job.py")
#: Minimum share of drifted columns for a data set to count as drifted: the default in Evidently's preset.
DRIFT_SHARE = 0.5
UNDISTURBED = "undisturbed"
#: Number of windows without a disturbance, and number of windows with each scenario.
_UNDISTURBED_WINDOWS, _DISTURBED_WINDOWS = 40, 5


@dataclass(frozen=True)
class EvidentlyResult:
    """Evidently's results for one scenario."""

    windows: int
    #: Share of (window, feature) pairs reported as drifted; None if Evidently rejects the data.
    drifted: float | None
    #: Number of windows with at least one drifted column, and of windows in which the data set counts as drifted.
    any_column: int
    whole: int


class EvidentlyRun:
    """Runs Evidently in the background while the lab continues. Leaving the context ends the run.

    Args:
        sample: Sample of windows; only the first windows of the sample are tested.
        python: Interpreter of Evidently's environment.
    """

    def __init__(self, sample: WindowSample, python: Path = PYTHON) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="fraud-evidently-")
        directory = Path(self._scratch.name)
        windows, self._output, self._errors = (directory / name for name in ("windows.npz", "results.json", "errors"))
        np.savez(windows, allow_pickle=False, **_windows(sample))
        with self._errors.open("wb") as errors:
            # With -P, `import evidently` in the job does not import this file, which is in the same directory.
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [str(python), "-P", str(_JOB), str(windows), str(self._output)], stderr=errors
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._scratch.cleanup()

    def results(self) -> dict[str, EvidentlyResult]:
        """Wait for the results and return them by scenario.

        Raises:
            FraudError: If Evidently failed.
        """
        if self._process.wait():
            last = self._errors.read_text(encoding="utf-8").strip().rpartition("\n")[2]
            raise FraudError(f"Evidently failed: {last}")
        return summarize(json.loads(self._output.read_text(encoding="utf-8")))


def summarize(drifted: Mapping[str, Sequence[Sequence[bool | None]]]) -> dict[str, EvidentlyResult]:
    """Summarize each scenario. `drifted` has a row per window and a column per feature; None where Evidently raises."""
    return {name: _summarize(windows) for name, windows in drifted.items()}


def _summarize(windows: Sequence[Sequence[bool | None]]) -> EvidentlyResult:
    answered = [[column for column in window if column is not None] for window in windows]
    flat = [column for window in answered for column in window]
    return EvidentlyResult(
        windows=len(windows),
        drifted=float(np.mean(flat)) if flat else None,
        any_column=sum(any(window) for window in answered),
        whole=sum(sum(window) >= DRIFT_SHARE * len(window) > 0 for window in answered),
    )


def _windows(sample: WindowSample) -> dict[str, NDArray[np.generic]]:
    stream = sample.stream
    disturbed = {name: scenario(stream.matrix) for name, scenario in SCENARIOS.items()}
    windows = {name: each[sample.row_indices[:_DISTURBED_WINDOWS]] for name, each in disturbed.items()}
    return {
        "reference": stream.reference,
        UNDISTURBED: stream.matrix[sample.row_indices[:_UNDISTURBED_WINDOWS]],
        **windows,
    }

"""Evidently over the lab's windows, in a virtual environment of its own: it pins other packages than ours."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.bank import Bank
from benchmarks.drift_lab.scenarios import SCENARIOS
from schemas.errors import FraudError

#: As `make drift-lab` has it.
PYTHON = Path(__file__).parents[3] / ".venv-evidently" / "bin" / "python"
_JOB = Path(__file__).with_name("evidently_job.py")
#: Share of the columns that makes the whole a drift, as its preset has it.
DRIFT_SHARE = 0.5
QUIET = "undisturbed"
#: Windows without a disturbance, and of each scenario.
_QUIET_WINDOWS, _DISTURBED_WINDOWS = 40, 5


@dataclass(frozen=True)
class Answer:
    """What it said of one scenario."""

    windows: int
    #: Share of (window, feature) that it calls drifted; None where it refuses to say.
    drifted: float | None
    #: Windows in which any feature is, and in which so many are that the whole is.
    any_column: int
    whole: int


class Asked:
    """A question on its way: it is answered beside the lab's own work.

    Args:
        bank: Whose first windows are meant.
        python: Of its environment.
    """

    def __init__(self, bank: Bank, python: Path = PYTHON) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="fraud-evidently-")
        directory = Path(self._scratch.name)
        questions, self._answers, self._errors = (
            directory / name for name in ("windows.npz", "answers.json", "errors")
        )
        np.savez(questions, allow_pickle=False, **_questions(bank))
        with self._errors.open("wb") as errors:
            # -P: beside the job lies this file, which it would take for Evidently.
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [str(python), "-P", str(_JOB), str(questions), str(self._answers)], stderr=errors
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, if nobody waited for the answer."""
        self._process.kill()
        self._process.wait()
        self._scratch.cleanup()

    def answer(self) -> dict[str, Answer]:
        """Wait for it.

        Raises:
            FraudError: If it failed.
        """
        if self._process.wait():
            last = self._errors.read_text(encoding="utf-8").strip().rpartition("\n")[2]
            raise FraudError(f"Evidently failed: {last}")
        return read(json.loads(self._answers.read_text(encoding="utf-8")))


def read(said: Mapping[str, Sequence[Sequence[bool | None]]]) -> dict[str, Answer]:
    """Count its answers by scenario: a row a window, a column a feature."""
    return {name: _count(windows) for name, windows in said.items()}


def _count(windows: Sequence[Sequence[bool | None]]) -> Answer:
    told = [[column for column in window if column is not None] for window in windows]
    flat = [column for window in told for column in window]
    return Answer(
        windows=len(windows),
        drifted=float(np.mean(flat)) if flat else None,
        any_column=sum(any(window) for window in told),
        whole=sum(sum(window) >= DRIFT_SHARE * len(window) > 0 for window in told),
    )


def _questions(bank: Bank) -> dict[str, NDArray[np.generic]]:
    world = bank.world
    disturbed = {name: scenario(world.matrix) for name, scenario in SCENARIOS.items()}
    windows = {name: each[bank.drawn[:_DISTURBED_WINDOWS]] for name, each in disturbed.items()}
    return {
        "reference": world.reference,
        QUIET: world.matrix[bank.drawn[:_QUIET_WINDOWS]],
        **windows,
    }

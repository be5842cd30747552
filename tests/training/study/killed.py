"""A study in a process of its own, to be killed: its second entry stops the clock where it is told to."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import training.models.families
import training.study.study_runner
from tests.training.study.conftest import TREES, Place, make_plan
from training.data.dataset import load
from training.models.fitted import Params
from training.study.entry_runner import Attempt

#: Fits of the searched entry after which the process kills itself: in the middle of its second trial.
FITS = 5


def main() -> None:
    """Run the small study on the data and in the place named by the arguments, until the kill."""
    data, root = map(Path, sys.argv[1:])
    scores, fits = Attempt._scores, []

    def deadly(self: Attempt, params: Params, seed: int) -> Iterator[float]:
        for value in scores(self, params, seed):
            if self._entry.family == "xgboost":
                fits.append(value)
                if len(fits) == FITS:
                    os.kill(os.getpid(), signal.SIGKILL)
            yield value

    Attempt._scores = deadly  # type: ignore[method-assign]
    training.models.families.TREES = TREES
    # One after the other, so that what is finished at the kill is known.
    training.study.study_runner.WORKERS = 1
    Place(root, load(data)).run(make_plan())


if __name__ == "__main__":
    main()

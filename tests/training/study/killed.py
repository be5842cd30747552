"""A study in its own process that kills itself in the middle of a trial."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import training.models.families
import training.study.study_runner
from tests.training.study.conftest import TREES, Workspace, make_plan
from training.data.dataset import load
from training.models.fitted import Params
from training.study.entry_runner import EntryRunner

#: Number of fits of the searched entry after which the process kills itself: the middle of the second trial.
FITS = 5


def main() -> None:
    """Run the small study until it kills itself; the arguments are the data file and the workspace directory."""
    data, root = map(Path, sys.argv[1:])
    scores, fits = EntryRunner._scores, []

    def kill_after_fits(self: EntryRunner, params: Params, seed: int) -> Iterator[float]:
        for value in scores(self, params, seed):
            if self._entry.family == "xgboost":
                fits.append(value)
                if len(fits) == FITS:
                    os.kill(os.getpid(), signal.SIGKILL)
            yield value

    EntryRunner._scores = kill_after_fits  # type: ignore[method-assign]
    training.models.families.TREES = TREES
    # Run one entry at a time, so that it is known which entries are finished at the kill.
    training.study.study_runner.WORKERS = 1
    Workspace(root, load(data)).run(make_plan())


if __name__ == "__main__":
    main()

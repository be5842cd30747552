"""The hyperparameter search is seeded, prunes trials, and gives the same result after a kill."""

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.trial import Trial, TrialState

from schemas.errors import StudyError
from training.models.fitted import Params
from training.study.search import Search, open_storage

FIRST = {"x": 0.1, "fixed": 7}
#: Part of each fold's score that does not depend on the hyperparameters: some folds are easier than others.
EASE = (0.9, 0.1, 0.3)


@pytest.fixture
def storage(tmp_path: Path) -> BaseStorage:
    """SQLite storage, as in a study."""
    return open_storage(f"sqlite:///{tmp_path / 'trials.db'}")


def draw(trial: Trial) -> Params:
    """Draw the hyperparameter `x`; the other hyperparameter is constant."""
    return {"x": trial.suggest_float("x", 0, 1), "fixed": 7}


def score(params: Params) -> Iterator[float]:
    """Yield a score on each fold, best at x = 0.7."""
    for ease in EASE:
        yield ease - (params["x"] - 0.7) ** 2


def trials(storage: BaseStorage, name: str) -> list[tuple[TrialState, dict[str, float], float | None]]:
    """Return the state, hyperparameters and score of each trial that ended."""
    study = optuna.load_study(study_name=name, storage=storage)
    return [(t.state, t.params, t.value) for t in study.trials if t.state is not TrialState.FAIL]


def always() -> bool:
    """Allow every trial to start."""
    return True


def test_a_search_starts_with_the_default_hyperparameters(storage: BaseStorage) -> None:
    """A search starts with the defaults, so its result is never worse than the defaults."""
    search = Search(storage, "one", 0, FIRST, draw)
    search.run(1, score, always)
    best = search.best()
    assert best is not None
    assert best.params == FIRST
    assert best.fold_scores == pytest.approx([ease - 0.36 for ease in EASE])
    search.run(15, score, always)
    better = search.best()
    assert better is not None
    assert sum(better.fold_scores) > sum(best.fold_scores)
    assert better.params["fixed"] == 7


def test_a_killed_search_continues_as_if_uninterrupted(storage: BaseStorage) -> None:
    """A resumed search gives the same trials, because trial k depends only on the seed, k and earlier trials."""
    Search(storage, "straight", 3, FIRST, draw).run(14, score, always)
    Search(storage, "killed", 3, FIRST, draw).run(6, score, always)

    class KilledError(BaseException):
        """Stands in for SIGKILL, which the search cannot handle."""

    def dies(_: Params) -> Iterator[float]:
        yield 0.5
        raise KilledError

    with pytest.raises(KilledError):
        Search(storage, "killed", 3, FIRST, draw).run(14, dies, always)
    # The new search knows only the storage, as a new process would.
    resumed = Search(storage, "killed", 3, FIRST, draw)
    resumed.run(14, score, always)
    assert trials(storage, "killed") == trials(storage, "straight")
    best, straight = resumed.best(), Search(storage, "straight", 3, FIRST, draw).best()
    assert best == straight


def test_poor_trials_are_pruned_although_folds_differ(storage: BaseStorage) -> None:
    """An easy fold does not protect a trial: pruning compares leads over the first trial on the same folds."""
    search = Search(storage, "pruned", 0, {"x": 0.7, "fixed": 7}, draw)
    search.run(30, score, always)
    best = search.best()
    assert best is not None
    assert best.ended == 30
    assert best.pruned > 3
    assert best.params["x"] == pytest.approx(0.7, abs=0.05)


def test_a_search_ends_when_no_trial_may_start(storage: BaseStorage) -> None:
    """When no trial may start, the search ends and keeps the trials completed so far."""
    answers = iter([True, True, False])
    search = Search(storage, "short", 0, FIRST, draw)
    search.run(10, score, lambda: next(answers))
    best = search.best()
    assert best is not None
    assert best.ended == 2


def test_a_search_without_a_completed_trial_has_no_best(storage: BaseStorage) -> None:
    """A new search has no trials and therefore no best trial."""
    assert Search(storage, "none", 0, FIRST, draw).best() is None


def test_a_storage_that_cannot_be_opened_is_a_one_line_error(tmp_path: Path) -> None:
    """A storage that cannot be opened causes a one-line error without the password."""
    with pytest.raises(StudyError, match=r"cannot open the storage for Optuna's trials, .* check --storage") as raised:
        open_storage(f"sqlite:///{tmp_path}/gone/trials.db")
    assert "\n" not in str(raised.value)
    with pytest.raises(StudyError) as raised:
        open_storage("nonsense://me:secret@host/db")
    assert "secret" not in str(raised.value)

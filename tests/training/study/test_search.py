"""The search: seeded, pruned, and the same after a kill as without one."""

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
#: How hard each fold is, whatever the parameters.
EASE = (0.9, 0.1, 0.3)


@pytest.fixture
def storage(tmp_path: Path) -> BaseStorage:
    """SQLite, as a study uses it."""
    return open_storage(f"sqlite:///{tmp_path / 'trials.db'}")


def draw(trial: Trial) -> Params:
    """One parameter to search, one that stays."""
    return {"x": trial.suggest_float("x", 0, 1), "fixed": 7}


def score(params: Params) -> Iterator[float]:
    """Yield a score on each fold, best at x = 0.7."""
    for ease in EASE:
        yield ease - (params["x"] - 0.7) ** 2


def trials(storage: BaseStorage, name: str) -> list[tuple[TrialState, dict[str, float], float | None]]:
    """Return what each trial that ended drew and reached."""
    study = optuna.load_study(study_name=name, storage=storage)
    return [(t.state, t.params, t.value) for t in study.trials if t.state is not TrialState.FAIL]


def always() -> bool:
    """There is time."""
    return True


def test_a_search_begins_with_the_familys_own_parameters(storage: BaseStorage) -> None:
    """So it never ends below them."""
    search = Search(storage, "one", 0, FIRST, draw)
    search.run(1, score, always)
    found = search.best()
    assert found is not None
    assert found.params == FIRST
    assert found.folds == pytest.approx([ease - 0.36 for ease in EASE])
    search.run(15, score, always)
    better = search.best()
    assert better is not None
    assert sum(better.folds) > sum(found.folds)
    assert better.params["fixed"] == 7


def test_a_killed_search_goes_on_as_if_nothing_had_been(storage: BaseStorage) -> None:
    """Same draws, same values, same pruning: what trial k draws depends on seed, k and the trials that ended."""
    Search(storage, "straight", 3, FIRST, draw).run(14, score, always)
    Search(storage, "killed", 3, FIRST, draw).run(6, score, always)

    class KilledError(BaseException):
        """Stands for SIGKILL: nothing of the search gets to act on it."""

    def dies(_: Params) -> Iterator[float]:
        yield 0.5
        raise KilledError

    with pytest.raises(KilledError):
        Search(storage, "killed", 3, FIRST, draw).run(14, dies, always)
    # Another process: nothing but the storage is left.
    resumed = Search(storage, "killed", 3, FIRST, draw)
    resumed.run(14, score, always)
    assert trials(storage, "killed") == trials(storage, "straight")
    found, straight = resumed.best(), Search(storage, "straight", 3, FIRST, draw).best()
    assert found == straight


def test_hopeless_trials_are_pruned_although_folds_differ(storage: BaseStorage) -> None:
    """One easy fold shields nobody: what counts is the lead over the first trial on the same folds."""
    search = Search(storage, "pruned", 0, {"x": 0.7, "fixed": 7}, draw)
    search.run(30, score, always)
    found = search.best()
    assert found is not None
    assert found.ended == 30
    assert found.pruned > 3
    assert found.params["x"] == pytest.approx(0.7, abs=0.05)


def test_a_search_ends_where_there_is_no_time(storage: BaseStorage) -> None:
    """What it has is kept."""
    answers = iter([True, True, False])
    search = Search(storage, "short", 0, FIRST, draw)
    search.run(10, score, lambda: next(answers))
    found = search.best()
    assert found is not None
    assert found.ended == 2


def test_a_search_without_a_whole_trial_has_no_best(storage: BaseStorage) -> None:
    """Nothing to choose from."""
    assert Search(storage, "none", 0, FIRST, draw).best() is None


def test_a_storage_that_can_not_be_opened_is_one_line(tmp_path: Path) -> None:
    """Without its password."""
    with pytest.raises(StudyError, match=r"the trials' storage .* cannot be opened .* see --storage") as raised:
        open_storage(f"sqlite:///{tmp_path}/gone/trials.db")
    assert "\n" not in str(raised.value)
    with pytest.raises(StudyError) as raised:
        open_storage("nonsense://me:secret@host/db")
    assert "secret" not in str(raised.value)

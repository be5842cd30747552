"""Each set of a split is used only for its purpose, and evaluations on the test set are counted."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import LeakError
from training.data.dataset import Dataset, load
from training.data.leaks import LeakAlarm
from training.data.split import Split, split_by_time
from training.data.test_set import CountedEvaluation, PurposeSplit, split_by_purpose

Save = Callable[[pl.DataFrame], Path]


def no_leak(_: object) -> None:
    """Fail the test, because no leak should be recorded."""
    pytest.fail("no leak was accepted")


@pytest.fixture
def split(frame: pl.DataFrame, save: Save) -> Split:
    """The synthetic data, split by time."""
    return split_by_time(load(save(frame)))


def purposes(split: Split, evaluations: list[CountedEvaluation], earlier: int = 0) -> PurposeSplit:
    """Restrict each set of a split to its purpose, and record every evaluation of the test set."""
    alarm = LeakAlarm(no_leak)
    return split_by_purpose(split, folds=3, alarm=alarm, on_evaluation=evaluations.append, evaluations=earlier)


def datasets_in(thing: object) -> list[Dataset]:
    """Return the datasets among an object's attributes."""
    return [each for each in vars(thing).values() if isinstance(each, Dataset)]


def test_search_has_the_training_rows_only(split: Split) -> None:
    """A search gets only training rows, and its folds are slices of the training split."""
    search = purposes(split, []).search
    assert datasets_in(search) == [split.train]
    assert len(search.folds) == 3
    assert all(fold.validate.stop <= len(split.train) for fold in search.folds)
    assert search.folds[-1].validate.stop == len(split.train)


def test_the_validation_part_is_handed_out(split: Split) -> None:
    """The validation split is available for calibration and thresholds."""
    assert purposes(split, []).validation is split.validation


def test_an_evaluation_is_counted_and_recorded_before_the_rows_are_handed_out(split: Split) -> None:
    """An evaluation continues the count of earlier runs and is recorded before any rows are returned."""
    evaluations: list[CountedEvaluation] = []
    test_set = purposes(split, evaluations, earlier=2).test_set
    assert test_set.evaluations == 2
    assert test_set.open("final figures") is split.test
    assert test_set.open("again") is split.test
    assert evaluations == [
        CountedEvaluation(3, "final figures", split.test.sha256),
        CountedEvaluation(4, "again", split.test.sha256),
    ]
    assert test_set.evaluations == 4


def test_an_evaluation_that_cannot_be_recorded_does_not_happen(split: Split) -> None:
    """If MLflow is unavailable, no rows are returned and nothing is counted."""

    def unavailable(_: CountedEvaluation) -> None:
        raise ConnectionError

    test_set = split_by_purpose(split, folds=2, alarm=LeakAlarm(no_leak), on_evaluation=unavailable).test_set
    with pytest.raises(ConnectionError):
        test_set.open("final figures")
    assert test_set.evaluations == 0


def test_the_test_part_is_not_an_attribute(split: Split) -> None:
    """The rows of the test set cannot be reached through a public attribute."""
    test_set = purposes(split, []).test_set
    public = [name for name in dir(test_set) if not name.startswith("_")]
    assert not [name for name in public if isinstance(getattr(test_set, name), Dataset)]


def test_a_leaking_split_is_not_handed_out(split: Split) -> None:
    """A split that leaks raises an error before any of its rows are returned."""
    with pytest.raises(LeakError, match=r"^row-in-two-parts: "):
        purposes(Split(split.train, split.validation, split.train), [])

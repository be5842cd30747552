"""Each part of a split serves its purpose only."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import LeakError
from training.data.dataset import Dataset, load
from training.data.leaks import LeakAlarm
from training.data.split import Split, split_by_time
from training.data.test_set import Look, PartsByPurpose, seal

Save = Callable[[pl.DataFrame], Path]


def no_leak(_: object) -> None:
    """Fail at a leak that is accepted."""
    pytest.fail("nothing was accepted")


@pytest.fixture
def split(frame: pl.DataFrame, save: Save) -> Split:
    """The made-up data, split by time."""
    return split_by_time(load(save(frame)))


def sealed(split: Split, looks: list[Look], before: int = 0) -> PartsByPurpose:
    """Seal a split whose looks are noted."""
    return seal(split, folds=3, alarm=LeakAlarm(no_leak), on_evaluation=looks.append, looks=before)


def reachable(thing: object) -> list[Dataset]:
    """Return the data sets among an object's attributes."""
    return [each for each in vars(thing).values() if isinstance(each, Dataset)]


def test_search_reaches_training_rows_alone(split: Split) -> None:
    """Its folds are slices of the training part, and no attribute leads to another part."""
    search = sealed(split, []).search
    assert reachable(search) == [split.train]
    assert len(search.folds) == 3
    assert all(fold.validate.stop <= len(split.train) for fold in search.folds)
    assert search.folds[-1].validate.stop == len(split.train)


def test_calibration_is_the_validation_part(split: Split) -> None:
    """For thresholds and calibration."""
    assert sealed(split, []).calibration is split.validation


def test_a_look_is_counted_and_reported_before_a_row_is_seen(split: Split) -> None:
    """The count goes on from the looks of earlier runs."""
    looks: list[Look] = []
    test = sealed(split, looks, before=2).test
    assert test.looks == 2
    assert test.look("final figures") is split.test
    assert test.look("again") is split.test
    assert looks == [Look(3, "final figures", split.test.sha256), Look(4, "again", split.test.sha256)]
    assert test.looks == 4


def test_a_look_that_cannot_be_logged_does_not_happen(split: Split) -> None:
    """MLflow is away: no rows, and no count."""

    def away(_: Look) -> None:
        raise ConnectionError

    test = seal(split, folds=2, alarm=LeakAlarm(no_leak), on_evaluation=away).test
    with pytest.raises(ConnectionError):
        test.look("final figures")
    assert test.looks == 0


def test_the_test_part_is_no_attribute(split: Split) -> None:
    """Nothing that is spelled plainly leads to it."""
    test = sealed(split, []).test
    assert not [name for name in dir(test) if not name.startswith("_") and isinstance(getattr(test, name), Dataset)]


def test_a_leaking_split_is_not_handed_out(split: Split) -> None:
    """The alarm runs first."""
    with pytest.raises(LeakError, match=r"^row-in-two-parts: "):
        sealed(Split(split.train, split.validation, split.train), [])

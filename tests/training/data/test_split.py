"""A split by time hides the future from a model; a stratified split puts no row into more than one set."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from schemas.errors import DataError
from training.data.dataset import load
from training.data.split import rolling_origin_folds, split_by_time, split_stratified

Save = Callable[[pl.DataFrame], Path]


def test_parts_follow_each_other_in_event_time(frame: pl.DataFrame, save: Save) -> None:
    """Every validation row is strictly later than every training row, and every test row later than both."""
    split = split_by_time(load(save(frame)))
    assert split.train.event_time_ms.max() < split.validation.event_time_ms.min()
    assert split.validation.event_time_ms.max() < split.test.event_time_ms.min()


def test_parts_are_60_20_20_and_contain_every_row(frame: pl.DataFrame, save: Save) -> None:
    """The three sets together contain every row, and have 60%, 20% and 20% of the rows."""
    split = split_by_time(load(save(frame)))
    sizes = [len(part) for part in (split.train, split.validation, split.test)]
    assert sum(sizes) == len(frame)
    assert [round(size / len(frame), 2) for size in sizes] == [0.6, 0.2, 0.2]


def test_order_in_the_file_does_not_matter(frame: pl.DataFrame, save: Save) -> None:
    """The split is by event time, whatever the order of rows in the file."""
    split = split_by_time(load(save(frame.reverse())))
    assert split.train.event_time_ms.max() < split.validation.event_time_ms.min()


def test_rows_of_one_second_stay_together(frame: pl.DataFrame, save: Save) -> None:
    """If a boundary falls within a second, all rows in that second go to the later set."""
    busy = frame.with_columns((pl.col("Time") // 100).alias("Time"))
    split = split_by_time(load(save(busy)))
    assert not set(split.train.event_time_ms) & set(split.validation.event_time_ms)
    assert not set(split.validation.event_time_ms) & set(split.test.event_time_ms)


@pytest.mark.parametrize("time", [0, 1])
def test_a_part_without_frauds_or_rows_is_refused(frame: pl.DataFrame, save: Save, time: int) -> None:
    """Data are rejected if one of the sets would have no frauds, or if all rows are in the same second."""
    if time:
        early = pl.int_range(pl.len()) < pl.len() // 2
        bad = frame.with_columns(pl.when(early).then("Class").otherwise(0.0).alias("Class"))
    else:
        bad = frame.with_columns(pl.lit(0.0).alias("Time"))
    with pytest.raises(DataError, match=r"the (train|validation) split has 0 frauds"):
        split_by_time(load(save(bad)))


def test_stratified_parts_have_the_same_share_of_frauds(frame: pl.DataFrame, save: Save) -> None:
    """Frauds and legitimate rows are both split 60/20/20, and every distinct row is in exactly one set."""
    data = load(save(frame))
    split = split_stratified(data, seed=0)
    for part, share in zip((split.train, split.validation, split.test), (0.6, 0.2, 0.2), strict=True):
        assert part.label.sum() == pytest.approx(share * data.label.sum(), abs=1)
        assert len(part) == pytest.approx(share * len(data), abs=2)
        assert (np.diff(part.event_time_ms) >= 0).all()
    assert sorted([*split.train.row, *split.validation.row, *split.test.row]) == list(range(len(data)))


def test_repeats_are_dropped_before_the_random_split(frame: pl.DataFrame, save: Save) -> None:
    """No row is in more than one set, however often it occurs in the file."""
    split = split_stratified(load(save(pl.concat([frame, frame, frame]))), seed=1)
    parts = [set(part.fingerprint.tolist()) for part in (split.train, split.validation, split.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(frame)


def test_the_seed_determines_the_split(frame: pl.DataFrame, save: Save) -> None:
    """The same seed gives the same rows, and a different seed gives different rows."""
    data = load(save(frame))
    one, same, other = (split_stratified(data, seed).test.row.tolist() for seed in (3, 3, 4))
    assert one == same != other


def test_too_few_frauds_cannot_be_stratified(frame: pl.DataFrame, save: Save) -> None:
    """Data are rejected if there are too few frauds for every set to contain a fraud."""
    few = frame.with_columns((pl.int_range(pl.len()) < 2).cast(pl.Float64).alias("Class"))
    with pytest.raises(DataError, match="split has 0 frauds"):
        split_stratified(load(save(few)), seed=0)


@given(st.lists(st.integers(0, 3), min_size=20, max_size=100), st.integers(1, 5))
def test_each_fold_is_scored_on_later_rows(steps: list[int], folds: int) -> None:
    """Each fold fits on all earlier rows, and the scored rows of a fold end where those of the next fold begin."""
    times = np.repeat(np.cumsum(np.array(steps, dtype=np.int64)), 2)
    labels = np.resize([0, 1], len(times)).astype(np.int8)
    try:
        made = rolling_origin_folds(times, labels, folds)
    except DataError:
        reject()
    assert len(made) == folds
    assert made[-1].validate.stop == len(times)
    for fold in made:
        assert fold.train == slice(0, fold.validate.start)
        assert times[fold.train].max() < times[fold.validate].min()
        assert 0 < labels[fold.train].mean() < 1
        assert 0 < labels[fold.validate].mean() < 1
    for one, after in pairwise(made):
        assert one.validate.stop == after.validate.start


def test_blocks_have_equal_sizes() -> None:
    """The first of three folds is fitted on a quarter of the rows, and each further fold on a quarter more."""
    labels = np.resize([0, 1], 100).astype(np.int8)
    made = rolling_origin_folds(np.arange(100), labels, 3)
    assert [(fold.train.stop, fold.validate.stop) for fold in made] == [(25, 50), (50, 75), (75, 100)]


def test_a_fold_without_frauds_is_named() -> None:
    """If all frauds are late, the error names the first fold, which has no frauds to fit on."""
    labels = (np.arange(100) > 60).astype(np.int8)
    with pytest.raises(DataError, match="the train split of fold 1 has 0 frauds in 33 rows"):
        rolling_origin_folds(np.arange(100), labels, 2)

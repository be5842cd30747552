"""The split never lets a model see the future."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import DataError
from training.data.dataset import load
from training.data.split import split_by_time

Save = Callable[[pl.DataFrame], Path]


def test_parts_follow_each_other_in_event_time(frame: pl.DataFrame, save: Save) -> None:
    """Every validation row is strictly later than every training row, every test row later than both."""
    split = split_by_time(load(save(frame)))
    assert split.train.time_s.max() < split.validation.time_s.min()
    assert split.validation.time_s.max() < split.test.time_s.min()


def test_parts_are_60_20_20_and_together_everything(frame: pl.DataFrame, save: Save) -> None:
    """Boundaries move by no more than the rows of one second."""
    split = split_by_time(load(save(frame)))
    sizes = [len(part) for part in (split.train, split.validation, split.test)]
    assert sum(sizes) == len(frame)
    assert [round(size / len(frame), 2) for size in sizes] == [0.6, 0.2, 0.2]


def test_order_in_the_file_does_not_matter(frame: pl.DataFrame, save: Save) -> None:
    """The split is in event time, whatever the file's order."""
    split = split_by_time(load(save(frame.reverse())))
    assert split.train.time_s.max() < split.validation.time_s.min()


def test_a_second_is_never_torn_apart(frame: pl.DataFrame, save: Save) -> None:
    """When the boundary falls inside a second, all of it goes to the later part."""
    busy = frame.with_columns((pl.col("Time") // 100).alias("Time"))
    split = split_by_time(load(save(busy)))
    assert not set(split.train.time_s) & set(split.validation.time_s)
    assert not set(split.validation.time_s) & set(split.test.time_s)


@pytest.mark.parametrize("time", [0, 1])
def test_a_part_without_frauds_or_rows_is_refused(frame: pl.DataFrame, save: Save, time: int) -> None:
    """No validation frauds, no threshold; one single second, no time order at all."""
    if time:
        early = pl.int_range(pl.len()) < pl.len() // 2
        bad = frame.with_columns(pl.when(early).then("Class").otherwise(0.0).alias("Class"))
    else:
        bad = frame.with_columns(pl.lit(0.0).alias("Time"))
    with pytest.raises(DataError, match=r"the (train|validation) part has 0 frauds"):
        split_by_time(load(save(bad)))

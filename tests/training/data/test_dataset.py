"""Training data is used only when every column of every row holds; what doesn't is named by column and row."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.errors import DataError
from training.data.dataset import SOURCE_SHA256, file_sha256, load

Save = Callable[[pl.DataFrame], Path]


def test_parquet_and_csv_give_the_same(frame: pl.DataFrame, save: Save, tmp_path: Path) -> None:
    """The format is no part of the data."""
    csv = tmp_path / "data.csv"
    frame.write_csv(csv)
    one, other = load(save(frame)), load(csv)
    for name in ("row", "time_s", "numeric", "amount_minor", "label", "repeat"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_csv_as_its_makers_wrote_it(frame: pl.DataFrame, tmp_path: Path) -> None:
    """Quoted names and labels, and a whole number written 1e+05, as in the published file."""
    csv = tmp_path / "data.csv"
    lines = frame.with_columns(pl.col("Class").cast(pl.Int8).cast(pl.String)).write_csv(quote_style="non_numeric")
    first, second, *rest = lines.splitlines()
    csv.write_text("\n".join([first, "1e+05" + second[second.index(",") :], *rest]))
    data = load(csv)
    assert data.time_s.max() == 100_000
    assert set(data.label) == {0, 1}


def test_rows_come_in_order_of_event_time(frame: pl.DataFrame, save: Save) -> None:
    """An unsorted file is sorted; rows of one second keep the file's order; each knows its row in the file."""
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    data = load(save(shuffled))
    assert (np.diff(data.time_s) >= 0).all()
    same_second = np.diff(data.time_s) == 0
    assert (np.diff(data.row)[same_second] > 0).all()
    np.testing.assert_array_equal(shuffled["V1"].to_numpy()[data.row], data.numeric[:, 0])


def test_amounts_become_whole_minor_units(frame: pl.DataFrame, save: Save) -> None:
    """Decimal fractions are no binary fractions: 0.29 · 100 is 28.999…, and still 29 cents."""
    data = load(save(frame.with_columns(pl.lit(0.29).alias("Amount"))))
    assert set(data.amount_minor) == {29}


def test_repeats_equal_an_earlier_row_in_every_column(frame: pl.DataFrame, save: Save) -> None:
    """The first of equal rows is no repeat; a row that differs in one column is none either."""
    row = frame[10]
    other = row.with_columns(pl.col("Amount") + 1)
    data = load(save(pl.concat([frame, row, other, row])))
    assert sorted(data.row[data.repeat].tolist()) == [len(frame), len(frame) + 2]


def test_data_is_known_by_the_file_it_came_from(frame: pl.DataFrame, tmp_path: Path) -> None:
    """Parquet made from a known file carries that file's hash; any other file is known by its own."""
    path = tmp_path / "data.parquet"
    frame.write_parquet(path, metadata={SOURCE_SHA256: "a" * 64})
    assert load(path).sha256 == "a" * 64
    frame.write_parquet(path)
    assert load(path).sha256 == file_sha256(path)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("V7", None, "V7 is not a finite number in 1 rows, first in row 5"),
        ("V7", float("nan"), "V7 is not a finite number"),
        ("V7", float("inf"), "V7 is not a finite number"),
        ("V7", 1e39, "V7 is not a finite number"),
        ("Time", None, "Time is not a finite number"),
        ("Amount", -0.01, "Amount must lie between 0"),
        ("Class", 2.0, "Class must be 0"),
        ("Class", None, "Class is not a finite number"),
    ],
)
def test_a_bad_value_is_named_by_column_and_row(
    frame: pl.DataFrame, save: Save, column: str, value: float | None, says: str
) -> None:
    """One bad value in one row is enough, and its value, being card data, is not shown."""
    here = pl.int_range(pl.len()) == 5
    path = save(frame.with_columns(pl.when(here).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)))
    with pytest.raises(DataError, match=says) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("column", ["Time", "V28", "Amount", "Class"])
def test_a_missing_column_is_named(frame: pl.DataFrame, save: Save, column: str) -> None:
    """Nothing is guessed for a column that is not there."""
    with pytest.raises(DataError, match=f"has no column {column};"):
        load(save(frame.drop(column)))


def test_words_in_a_number_column_are_refused(frame: pl.DataFrame, tmp_path: Path) -> None:
    """A CSV with text where a number belongs names column and row."""
    csv = tmp_path / "data.csv"
    frame.with_columns(pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("x")).otherwise("V2").alias("V2")).write_csv(
        csv
    )
    with pytest.raises(DataError, match="V2 is not a finite number in 1 rows, first in row 3"):
        load(csv)


def test_one_class_cannot_be_learnt(frame: pl.DataFrame, save: Save) -> None:
    """All legitimate or all fraud: nothing to tell apart."""
    with pytest.raises(DataError, match="Class is the same in every row"):
        load(save(frame.with_columns(pl.lit(0).alias("Class"))))


def test_files_that_are_not_data(frame: pl.DataFrame, save: Save, tmp_path: Path) -> None:
    """Missing, empty, cut off, without rows, or of another kind: each one line that says what to do."""
    whole = save(frame).read_bytes()
    cases = {
        "gone.parquet": (None, "is not there"),
        "empty.parquet": (b"", "cannot be read"),
        "cut.parquet": (whole[: len(whole) // 2], "cannot be read"),
        "empty.csv": (b"", "cannot be read"),
        "header.csv": (",".join(frame.columns).encode(), "has no rows"),
        "cut.csv": (frame.write_csv().encode()[:-40], "is not a finite number in 1 rows"),
        "data.xlsx": (b"x", "must end in .parquet or .csv"),
    }
    for name, (content, says) in cases.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataError, match=says) as caught:
            load(path)
        assert "\n" not in str(caught.value), name

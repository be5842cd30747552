"""Training data are used only if every value is valid; errors name the column and the row."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.errors import DataError
from stream.scoring.features import FeaturePlan
from training.data.dataset import load
from training.data.featureset import DEFAULT, make_features
from training.data.source import SOURCE_SHA256, source_sha256

Save = Callable[[pl.DataFrame], Path]


def test_parquet_and_csv_give_the_same_data(frame: pl.DataFrame, save: Save, tmp_path: Path) -> None:
    """The same rows in Parquet and in CSV give the same data."""
    csv = tmp_path / "data.csv"
    frame.write_csv(csv)
    one, other = load(save(frame)), load(csv)
    for name in ("row", "event_time_ms", "amount_minor", "label", "repeat", "fingerprint"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_csv_as_it_was_published(frame: pl.DataFrame, tmp_path: Path) -> None:
    """The published CSV file is read, with quoted names and labels and an integer written as 1e+05."""
    csv = tmp_path / "data.csv"
    lines = frame.with_columns(pl.col("Class").cast(pl.Int8).cast(pl.String)).write_csv(quote_style="non_numeric")
    first, second, *rest = lines.splitlines()
    csv.write_text("\n".join([first, "1e+05" + second[second.index(",") :], *rest]))
    data = load(csv)
    assert data.event_time_ms.max() == 1_377_993_600_000 + 100_000_000
    assert set(data.label) == {0, 1}


def test_rows_are_in_order_of_event_time(frame: pl.DataFrame, save: Save) -> None:
    """An unsorted file is sorted by time; rows in the same second keep the file's order and their numbers."""
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    data = load(save(shuffled))
    assert (np.diff(data.event_time_ms) >= 0).all()
    same_second = np.diff(data.event_time_ms) == 0
    assert (np.diff(data.row)[same_second] > 0).all()
    np.testing.assert_array_equal(shuffled["V1"].to_numpy()[data.row], data.frame["V1"].to_numpy())


def test_amounts_become_integer_minor_units(frame: pl.DataFrame, save: Save) -> None:
    """An amount of 0.29 becomes 29 cents, although 0.29 · 100 is 28.999… in binary."""
    data = load(save(frame.with_columns(pl.lit(0.29).alias("Amount"))))
    assert set(data.amount_minor) == {29}


def test_repeats_equal_an_earlier_row_in_every_column(frame: pl.DataFrame, save: Save) -> None:
    """Neither the first of equal rows nor a row that differs in one column counts as a repeat."""
    row = frame[10]
    other = row.with_columns(pl.col("Amount") + 1)
    data = load(save(pl.concat([frame, row, other, row])))
    assert sorted(data.row[data.repeat].tolist()) == [len(frame), len(frame) + 2]


def test_data_are_identified_by_their_source_file(frame: pl.DataFrame, tmp_path: Path) -> None:
    """A Parquet file made from a known source is identified by the source's hash, any other file by its own hash."""
    path = tmp_path / "data.parquet"
    frame.write_parquet(path, metadata={SOURCE_SHA256: "a" * 64})
    assert load(path).sha256 == "a" * 64
    frame.write_parquet(path)
    assert load(path).sha256 == source_sha256(path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("V7", float("inf"), "V7 is not a finite number in 1 row, first in row 5"),
        ("V7", 1e39, "V7 is not a finite number"),
        ("Time", None, "Time is missing"),
        ("Time", -2e9, "Time is before 1970"),
        ("Time", 1e18, "Time is before 1970 or after 9999 in 1 row, first in row 5; is its unit s"),
        ("Amount", -0.01, "Amount is less than 0"),
        ("Amount", None, "Amount is missing"),
        ("Amount", 1e16, "Amount is less than 0 or more than 10"),
        ("Class", 2.0, "Class is not 0"),
        ("Class", None, "Class is not 0"),
    ],
)
def test_a_bad_value_is_named_by_column_and_row(
    frame: pl.DataFrame, save: Save, column: str, value: float | None, message: str
) -> None:
    """A single bad value raises an error that names its column and row but does not show the value."""
    here = pl.int_range(pl.len()) == 5
    path = save(frame.with_columns(pl.when(here).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)))
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_missing_feature_is_null(frame: pl.DataFrame, save: Save, value: float | None) -> None:
    """Empty values and NaN are both read as null, which the model's missing-value policy handles later."""
    here = pl.int_range(pl.len()) == 5
    data = load(save(frame.with_columns(pl.when(here).then(pl.lit(value)).otherwise("V7").alias("V7"))))
    assert data.frame["V7"].is_null().to_list() == [row == 5 for row in range(len(frame))]
    features = make_features(DEFAULT, data)
    median = next(feature.median for feature in features if feature.name == "V7")
    assert data.matrix(FeaturePlan(features, "median"))[5, 6] == np.float32(median)
    assert np.isnan(data.matrix(FeaturePlan(features, "nan"))[5, 6])


@pytest.mark.parametrize("column", ["Time", "V28", "Amount", "Class"])
def test_a_missing_column_is_named(frame: pl.DataFrame, save: Save, column: str) -> None:
    """A missing column causes an error that names the column; values are not guessed."""
    with pytest.raises(DataError, match=f"has no column {column};"):
        load(save(frame.drop(column)))


def test_of_many_missing_columns_the_first_are_named(save: Save) -> None:
    """Even for an unrelated file, the error has one line and names only the first missing columns."""
    with pytest.raises(DataError, match=r"has no column Time, Class, Amount, V1, V2 and 26 more; .* describe "):
        load(save(pl.DataFrame({"x": [1]})))


def test_text_in_a_numeric_column_is_refused(frame: pl.DataFrame, tmp_path: Path) -> None:
    """Text in a numeric column causes an error that names the column and row in the CSV file."""
    csv = tmp_path / "data.csv"
    word = pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("secret")).otherwise("V2").alias("V2")
    frame.with_columns(word).write_csv(csv)
    with pytest.raises(DataError, match="V2 is not a finite number in 1 row, first in row 3") as caught:
        load(csv)
    assert "secret" not in str(caught.value)


def test_data_of_one_class_are_refused(frame: pl.DataFrame, save: Save) -> None:
    """Data without frauds or without legitimate transactions are rejected."""
    with pytest.raises(DataError, match="Class is the same in every row"):
        load(save(frame.with_columns(pl.lit(0).alias("Class"))))


def test_files_that_are_not_data(frame: pl.DataFrame, save: Save, tmp_path: Path) -> None:
    """A missing, empty, truncated or unrelated file, or one without rows, causes an error that says what to do."""
    parquet = save(frame).read_bytes()
    csv = frame.write_csv().encode()
    header = csv.partition(b"\n")[0]
    cases = {
        "gone.parquet": (None, "does not exist"),
        "empty.parquet": (b"", "cannot be read"),
        "cut.parquet": (parquet[: len(parquet) // 2], "cannot be read"),
        "empty.csv": (b"", "is empty"),
        "header.csv": (header, "has no rows"),
        "cut.csv": (csv[:-40], "ends in the middle of a line"),
        "long.csv": (csv + b"1," + csv.splitlines()[-1] + b"\n", "cannot be read"),
        "binary.csv": (header + b"\n" + parquet[:1000], "ends in the middle of a line"),
        "data.xlsx": (b"x", "must end in .parquet or .csv"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataError, match=message) as caught:
            load(path)
        assert "\n" not in str(caught.value), name

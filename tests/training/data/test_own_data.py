"""A user's own columns are read as described, with one-line errors."""

from pathlib import Path
from typing import Any

import fsspec
import msgspec
import numpy as np
import polars as pl
import pytest

from schemas.errors import DataError
from stream.scoring.features import FeaturePlan
from tests.training.data.own_data import OWN, ROWS, START_MS, make_own
from training.data.dataset import Dataset, load
from training.data.description import AmountColumn, DataDescription, TimeColumn
from training.data.featureset import DEFAULT, make_features
from training.data.messages import transactions


def save_as(frame: pl.DataFrame, path: Path) -> Path:
    """Write a frame in the format of the path's extension and return the path."""
    if path.suffix == ".csv":
        frame.write_csv(path, null_value="NA")
    else:
        frame.write_parquet(path)
    return path


def description_with(**changes: Any) -> DataDescription:
    """Return the description of the data with the given changes."""
    return msgspec.structs.replace(OWN, **changes)


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_strings_missing_values_and_currencies_are_read(tmp_path: Path, name: str) -> None:
    """In both formats, ids and cards come from the file, amounts depend on the currency, and null stays null."""
    frame = make_own()
    data = load(save_as(frame, tmp_path / name), OWN)
    assert data.transaction_id.tolist() == frame["trans_num"].to_list()
    assert data.card_id.tolist() == frame["cc_num"].to_list()
    assert data.currency.tolist() == frame["ccy"].to_list()
    assert data.event_time_ms[0] == START_MS
    factor = np.where(frame["ccy"].to_numpy() == "JPY", 1, 100)
    np.testing.assert_array_equal(data.amount_minor, frame["amt"].to_numpy() * factor)
    assert data.frame["risk"].to_list() == frame["risk"].to_list()
    assert data.frame["channel"].to_list() == frame["channel"].to_list()
    assert data.frame["mcc"].to_list() == [str(code) for code in frame["mcc"].to_list()]
    assert not data.repeat.any()


def test_rows_can_be_read_without_labels(tmp_path: Path) -> None:
    """Without labels, the label column may be missing, and is not read if it exists."""
    frame = make_own()
    without = load(save_as(frame.drop("is_fraud"), tmp_path / "new.csv"), OWN, labelled=False)
    ignored = load(save_as(frame.with_columns(is_fraud=pl.lit(7)), tmp_path / "odd.csv"), OWN, labelled=False)
    for data in (without, ignored):
        assert set(data.label.tolist()) == {-1}
        assert data.frame["risk"].to_list() == frame["risk"].to_list()
    with pytest.raises(DataError, match="has no column is_fraud"):
        load(tmp_path / "new.csv", OWN)


def test_raw_features_have_their_missing_values(tmp_path: Path) -> None:
    """Raw features keep NaN for missing values, which are filled with the median for the model."""
    data = load(save_as(make_own(), tmp_path / "own.parquet"), OWN)
    plan = FeaturePlan(make_features(DEFAULT, data), "median")
    raw, filled, risk = data.raw_features(plan), data.matrix(plan), plan.names.index("risk")
    missing = np.isnan(raw[:, risk])
    assert missing.sum() == data.frame["risk"].null_count() > 0
    assert set(filled[missing, risk].tolist()) == {float(plan.medians[risk])}
    assert not np.isnan(filled).any()
    np.testing.assert_array_equal(raw[~np.isnan(raw)], filled[~np.isnan(raw)])


def test_any_fsspec_url_is_read(tmp_path: Path) -> None:
    """Data can be read from an object store, and errors do not contain the secrets in the URL."""
    path = save_as(make_own(), tmp_path / "own.parquet")
    fsspec.filesystem("memory").put_file(str(path), "/lake/own.parquet")
    remote, local = load("memory://lake/own.parquet", OWN), load(path, OWN)
    assert remote.sha256 == local.sha256
    assert remote.frame.equals(local.frame)
    with pytest.raises(DataError, match=r"^memory://lake/gone.csv does not exist"):
        load("memory://me:secret@lake/gone.csv", OWN)
    with pytest.raises(DataError, match="cannot be fetched"):
        load("nonsense://lake/own.csv", OWN)


@pytest.mark.parametrize(
    ("unit", "column"),
    [
        ("s", pl.Series([1_772_323_200.0, 1_772_323_200.5])),
        ("ms", pl.Series([1_772_323_200_000, 1_772_323_200_500])),
        ("iso", pl.Series(["2026-03-01T00:00:00Z", "2026-03-01T01:00:00.500+01:00"])),
        ("iso", pl.Series(["2026-03-01 00:00:00.000", "2026-03-01 00:00:00.500"])),
        ("iso", pl.from_epoch(pl.Series([1_772_323_200_000, 1_772_323_200_500]), time_unit="ms")),
    ],
)
def test_times_are_read_in_many_formats(tmp_path: Path, unit: Any, column: pl.Series) -> None:
    """Seconds, milliseconds, text with or without a time zone, and Parquet's own types become UTC milliseconds."""
    frame = make_own(2).with_columns(column.alias("happened_at"), pl.Series("is_fraud", [0, 1]))
    data = load(save_as(frame, tmp_path / "own.parquet"), description_with(time=TimeColumn("happened_at", unit)))
    assert (data.event_time_ms - START_MS).tolist() == [0, 500]


def test_the_matrix_has_codes_of_categories(tmp_path: Path) -> None:
    """The matrix has the same codes as the plan gives to single values, whether known, unknown or missing."""
    data = load(save_as(make_own(), tmp_path / "own.parquet"), OWN)
    plan = FeaturePlan(make_features(DEFAULT, data.part(slice(0, 500))), "nan")
    assert plan.categorical == ("channel", "merchant", "mcc")
    matrix = data.matrix(plan)
    for name in plan.categorical:
        codes = plan.codes(name, data.frame[name].to_list())
        np.testing.assert_array_equal(matrix[:, plan.names.index(name)], codes.astype(np.float32))
    assert np.isnan(matrix[:, plan.names.index("channel")]).sum() == data.frame["channel"].null_count() > 0


def test_the_matrix_does_not_depend_on_the_block_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of rows per block does not change the matrix."""
    data = load(save_as(make_own(), tmp_path / "own.parquet"), OWN)
    plan = FeaturePlan(make_features(DEFAULT, data), "median")
    expected = data.matrix(plan)
    monkeypatch.setattr("training.data.dataset._BLOCK", 7)
    assert data.matrix(plan).tobytes() == expected.tobytes()


def test_a_feature_that_the_data_lack_is_named(tmp_path: Path) -> None:
    """If the data lack a feature of the model, the error names the feature."""
    data = load(save_as(make_own(), tmp_path / "own.parquet"), OWN)
    plan = FeaturePlan(make_features(DEFAULT, data), "median")
    less = description_with(features={"visits": "numeric", "channel": "categorical", "merchant": "categorical"})
    with pytest.raises(DataError, match="the model needs the numeric feature risk"):
        load(tmp_path / "own.parquet", less).matrix(plan)


def test_messages_have_the_values_of_the_file(tmp_path: Path) -> None:
    """Messages contain the file's numbers, strings and nulls, as a live transaction would."""
    frame = make_own()
    data = load(save_as(frame, tmp_path / "own.parquet"), OWN)
    messages = list(transactions(data))
    assert len(messages) == ROWS
    first, row = messages[3], frame.row(3, named=True)
    assert (first.transaction_id, first.card_id, first.currency) == (row["trans_num"], row["cc_num"], row["ccy"])
    assert first.features == {
        "risk": row["risk"],
        "visits": float(row["visits"]),
        "channel": row["channel"],
        "merchant": row["merchant"],
        "mcc": str(row["mcc"]),
    }
    assert any(message.features["channel"] is None for message in messages)


def test_rows_that_differ_only_in_their_id_are_repeats(tmp_path: Path) -> None:
    """Rows that differ only in their id are repeats, in whatever order they are in the file."""
    frame = make_own(100)
    again = frame[:2].with_columns(pl.Series("trans_num", ["x", "y"]))
    data = load(save_as(pl.concat([frame, again]).reverse(), tmp_path / "own.parquet"), OWN)
    assert data.repeat.sum() == 2
    assert len(set(data.fingerprint.tolist())) == 100


def refusal(frame: pl.DataFrame, tmp_path: Path, description: DataDescription = OWN) -> str:
    """Return the text of the error with which a frame is rejected."""
    with pytest.raises(DataError) as caught:
        load(save_as(frame, tmp_path / "own.parquet"), description)
    line = str(caught.value)
    assert "\n" not in line
    return line.partition(": ")[2]


def changed(column: str, value: Any) -> pl.DataFrame:
    """Return the data with the given value in row 5 of a column."""
    frame = make_own(200)
    values = frame[column].to_list()
    values[5] = value
    return frame.with_columns(pl.Series(column, values, strict=False))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("trans_num", "t000003", "trans_num repeats an earlier row's in 1 row, first in row 5"),
        ("trans_num", None, "trans_num is missing in 1 row, first in row 5"),
        ("trans_num", "x" * 129, "trans_num is longer than 128"),
        ("cc_num", None, "cc_num is missing in 1 row"),
        ("happened_at", None, "happened_at is missing or not a time in 1 row, first in row 5"),
        ("happened_at", "yesterday", "happened_at is missing or not a time in 1 row, first in row 5"),
        ("happened_at", "1969-01-01T00:00:00Z", "happened_at is before 1970"),
        ("ccy", "usd", "ccy is not an ISO 4217 code such as EUR in 1 row, first in row 5"),
        ("is_fraud", 2, "is_fraud is not 0 (legitimate) or 1 (fraud) in 1 row, first in row 5"),
    ],
)
def test_an_invalid_value_is_named(tmp_path: Path, column: str, value: Any, message: str) -> None:
    """An invalid value causes an error that gives the column, the reason and the first bad row, but not the value."""
    assert refusal(changed(column, value), tmp_path).startswith(message)


def test_a_column_of_the_wrong_kind_is_named(tmp_path: Path) -> None:
    """Text as numbers, fractions as categories, dates or lists as features, and fractional cents are rejected."""
    frame = make_own(200).with_columns(
        pl.Series("visits", [[1]] * 200),
        mcc=pl.col("risk"),
        when=pl.col("happened_at").str.to_datetime(time_zone="UTC"),
    )
    label = description_with(label="raw")
    assert refusal(frame.with_columns(raw=pl.lit(b"1")), tmp_path, label).startswith(
        "raw has type Binary and cannot be used as labels"
    )
    for column, kind, message in (
        ("channel", "numeric", "channel is not a finite number in"),
        ("visits", "numeric", "visits has type List(Int64) and cannot be used as numbers"),
        ("visits", "categorical", "visits has type List(Int64) and cannot be used as categories"),
        ("when", "numeric", "when has type Datetime"),
        ("mcc", "categorical", "mcc is a fraction, not a category in"),
    ):
        assert refusal(frame, tmp_path, description_with(features={column: kind})).startswith(message)
    fractions = make_own(200).with_columns(amt=pl.col("amt") + 0.5)
    minor = description_with(amount=AmountColumn("amt", "minor"))
    assert refusal(fractions, tmp_path, minor).startswith("amt is not an integer in 200 rows")


def test_sorting_keeps_rows_together(tmp_path: Path) -> None:
    """Sorting by time moves all columns in the same way."""
    frame = make_own()
    shuffled = frame.sample(fraction=1, shuffle=True, seed=3)
    data, expected = (load(save_as(each, tmp_path / "own.parquet"), OWN) for each in (shuffled, frame))

    def columns(data: Dataset) -> list[list[Any]]:
        arrays = (data.event_time_ms, data.amount_minor, data.label, data.transaction_id, data.card_id, data.currency)
        return [array.tolist() for array in arrays]

    assert columns(data) == columns(expected)
    assert data.frame.equals(expected.frame)
    np.testing.assert_array_equal(shuffled["trans_num"].to_numpy()[data.row], data.transaction_id)

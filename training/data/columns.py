"""Validate the columns of a data file. Errors name the column, the problem and the first bad row."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.errors import DataError
from training.data.currency import minor_per_unit
from training.data.description import AmountColumn, TimeColumn

#: Limits that `schemas.messages` sets for transactions.
_MAX_AMOUNT_MINOR = 10**15
_MAX_TIME_MS = 253_402_300_799_999
_MAX_ID_LENGTH = 128
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Types whose values all fit into float32.
_SMALL = {pl.Float32, pl.Boolean, pl.Int8, pl.UInt8, pl.Int16, pl.UInt16}


def numbers(column: pl.Series, shown: str) -> pl.Series:
    """Return a column (n,) as Float32 if its values fit exactly, else as Float64, with null for missing values.

    Args:
        column: Column of numbers, booleans, or numbers written as text.
        shown: Name of the file in errors.

    Raises:
        DataError: If a value is not a number, or is infinite as float32, which the stream would reject.
    """
    _refuse_type(column, shown, "numbers")
    made = column.cast(pl.Float32 if column.dtype in _SMALL else pl.Float64, strict=False)
    infinite = made.cast(pl.Float32, strict=False).is_infinite().fill_null(value=False)
    _refuse(
        infinite | (made.is_null() & column.is_not_null()),
        f"{shown}: {column.name} is not a finite number",
        "correct or remove these rows",
    )
    return made.fill_nan(None)


def texts(column: pl.Series, shown: str) -> pl.Series:
    """Return a column (n,) as String, with null for missing values. Integers have no decimal point.

    Raises:
        DataError: If the values have no unique form as text, as is true of fractions, dates and lists.
    """
    if column.dtype.is_float():
        values = column.fill_nan(None)
        _refuse(
            (values != values.round()).fill_null(value=False),
            f"{shown}: {column.name} is a fraction, not a category",
            "describe it as numeric",
        )
        column = values.cast(pl.Int64, strict=False)
    _refuse_type(column, shown, "categories")
    return column.cast(pl.String)


def ids(column: pl.Series, shown: str, *, unique: bool) -> pl.Series:
    """Return identifiers (n,) as String.

    Raises:
        DataError: If an identifier is missing or too long for a message, or, with `unique`, occurs in more than one
            row.
    """
    made = texts(column, shown)
    length = made.str.len_chars().fill_null(0)
    _refuse(length == 0, f"{shown}: {column.name} is missing", "give every row one")
    _refuse(length > _MAX_ID_LENGTH, f"{shown}: {column.name} is longer than {_MAX_ID_LENGTH}", "shorten it")
    if unique:
        _refuse(
            ~made.is_first_distinct(), f"{shown}: {column.name} repeats an earlier row's", "remove the repeated rows"
        )
    return made


def times(column: pl.Series, how: TimeColumn, shown: str) -> NDArray[np.int64]:
    """Return event times (n,) in UTC milliseconds.

    Args:
        column: Column of event times.
        how: Description of the time column.
        shown: Name of the file in errors.

    Raises:
        DataError: If a time is missing, is not a time, or is before 1970 or after 9999.
    """
    if how.unit == "iso":
        datetimes = _datetimes(column)
        bad = datetimes.is_null()
        _refuse(bad, f"{shown}: {column.name} is missing or not a time", "write times as 2013-09-01T12:00:00Z")
        made = datetimes.dt.epoch("ms").to_numpy()
    else:
        counted = numbers(column, shown).cast(pl.Float64)
        _refuse(counted.is_null(), f"{shown}: {column.name} is missing", "give every row its time")
        since = round((how.since - _EPOCH).total_seconds() * 1000)
        made = np.rint(counted.to_numpy() * (1000 if how.unit == "s" else 1)) + since
    _refuse(
        pl.Series((made < 0) | (made > _MAX_TIME_MS)),
        f"{shown}: {column.name} is before 1970 or after 9999",
        f"is its unit {how.unit}?",
    )
    return made.astype(np.int64)


def labels(column: pl.Series, shown: str) -> NDArray[np.int8]:
    """Return labels (n,), 1 for fraud.

    Raises:
        DataError: If a label is neither 0 nor 1, or all labels are equal.
    """
    _refuse_type(column, shown, "labels")
    made = column.cast(pl.Float64, strict=False)
    _refuse(
        ~made.is_in([0.0, 1.0]).fill_null(value=False),
        f"{shown}: {column.name} is not 0 (legitimate) or 1 (fraud)",
        "correct or remove these rows, and copy the file again if it is cut off",
    )
    if made.n_unique() == 1:
        raise DataError(
            f"{shown}: {column.name} is the same in every row; training needs frauds and legitimate transactions"
        )
    return made.cast(pl.Int8).to_numpy()


def amounts(column: pl.Series, how: AmountColumn, currency: pl.Series, shown: str) -> NDArray[np.int64]:
    """Return amounts (n,) in minor units of `currency` (n,).

    Args:
        column: Column of amounts.
        how: Description of the amount column.
        currency: (n,) ISO 4217 codes.
        shown: Name of the file in errors.

    Raises:
        DataError: If an amount is missing, negative, too large for a card payment, or has a fraction of a minor unit
            although the column is described as minor units.
    """
    made = numbers(column, shown).cast(pl.Float64)
    _refuse(made.is_null(), f"{shown}: {column.name} is missing", "correct or remove these rows")
    if how.unit == "units":
        codes = currency.unique()
        factors = [minor_per_unit(code) for code in codes.to_list()]
        made = made * currency.replace_strict(codes, factors, return_dtype=pl.Int64)
    else:
        _refuse(made != made.round(), f"{shown}: {column.name} is not an integer", "is its unit units?")
    _refuse(
        (made < 0) | (made > _MAX_AMOUNT_MINOR),
        f"{shown}: {column.name} is less than 0 or more than 10^15 minor units",
        "correct or remove these rows",
    )
    minor: NDArray[np.int64] = np.rint(made.to_numpy()).astype(np.int64)
    return minor


def currencies(column: pl.Series, shown: str) -> pl.Series:
    """Return currency codes (n,) as String.

    Raises:
        DataError: If a value is not an ISO 4217 code.
    """
    made = texts(column, shown)
    _refuse(
        ~made.str.contains(r"^[A-Z]{3}$").fill_null(value=False),
        f"{shown}: {column.name} is not an ISO 4217 code such as EUR",
        "correct or remove these rows",
    )
    return made


def _datetimes(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        return column.str.to_datetime(time_unit="ms", time_zone="UTC", strict=False)
    if column.dtype == pl.Date:
        return column.cast(pl.Datetime("ms"))
    if column.dtype == pl.Datetime:
        return column
    return pl.Series(column.name, [None] * len(column), dtype=pl.Datetime("ms"))


def _refuse_type(column: pl.Series, shown: str, use: str) -> None:
    if column.dtype.is_temporal() or column.dtype.is_nested() or column.dtype == pl.Binary:
        raise DataError(
            f"{shown}: {column.name} has type {column.dtype} and cannot be used as {use}; choose another column"
        )


def _refuse(bad: pl.Series, problem: str, fix: str) -> None:
    """Raise an error if any row of `bad` (n,) is true."""
    if count := int(bad.sum()):
        raise DataError(f"{problem} in {count} row{'s' * (count > 1)}, first in row {bad.arg_max()}; {fix}")

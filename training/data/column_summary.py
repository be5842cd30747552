"""Summarise the values in a file's columns, as the basis of a draft description."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from schemas.errors import DataError
from training.data.source import read_head

#: Rows that are read.
ROWS = 100_000
#: Text that often marks a missing value in numeric columns.
_MISSING_MARKS = ("NA", "N/A", "null", "NULL", "None", "?", "-", "\\N")
#: The years 1990 and 2100 in seconds since 1970.
_SECONDS = (631_152_000, 4_102_444_800)
_MOST_CURRENCIES = 200


@dataclass(frozen=True)
class ColumnSummary:
    """A column's values in the first `ROWS` rows, summarised."""

    kind: Literal["number", "text", "time", "nested", "missing"]
    rows: int
    missing: int
    #: Number of distinct values, not counting missing values.
    distinct: int
    #: True if all numbers are integers.
    integers: bool = False
    minimum: float = 0.0
    maximum: float = 0.0
    currency_codes: bool = False

    @property
    def zero_one(self) -> bool:
        """True if every row has the value 0 or 1."""
        return self.kind == "number" and self.integers and self.minimum >= 0 and self.maximum <= 1 and not self.missing

    @property
    def like_a_key(self) -> bool:
        """True if every row has text or an integer."""
        return (self.kind == "text" or (self.kind == "number" and self.integers)) and not self.missing

    @property
    def unique_share(self) -> float:
        """Number of distinct values divided by the number of values."""
        return self.distinct / max(1, self.rows - self.missing)

    @property
    def epoch_unit(self) -> Literal["s", "ms"] | None:
        """Unit in which the numbers could be times since 1970; None if they cannot be such times."""
        if self.kind != "number" or self.missing:
            return None
        if _SECONDS[0] <= self.minimum and self.maximum <= _SECONDS[1]:
            return "s"
        return "ms" if _SECONDS[0] * 1000 <= self.minimum and self.maximum <= _SECONDS[1] * 1000 else None


@dataclass(frozen=True)
class FileSummary:
    """Summaries of all columns of a file, in the order of the file."""

    rows: int
    columns: dict[str, ColumnSummary]
    #: Texts that were found in place of missing numbers.
    missing_marks: tuple[str, ...]


def summarise_file(path: Path, shown: str) -> FileSummary:
    """Summarise the first rows of a local file.

    Args:
        path: Local file.
        shown: Name of the file in errors.

    Raises:
        DataError: If the file cannot be read or has no rows.
    """
    frame = read_head(path, shown, ROWS)
    if frame.is_empty():
        raise DataError(f"{shown} has no rows; fetch or copy it again")
    marks: set[str] = set()
    columns = {}
    for column in frame:
        values, own_marks = _as_numbers(column)
        marks |= own_marks
        columns[column.name] = _summarise(values)
    return FileSummary(len(frame), columns, tuple(sorted(marks)))


def _as_numbers(column: pl.Series) -> tuple[pl.Series, set[str]]:
    """Convert a text column to numbers, and return it with the texts that mark missing values.

    The column is returned unchanged, without marks, if any other value is not a number.
    """
    if column.dtype != pl.String:
        return column, set()
    marks = set(column.filter(column.is_in(_MISSING_MARKS)).unique())
    values = column.set(column.is_in(_MISSING_MARKS).fill_null(value=False), None).str.strip_chars()
    numbers = values.cast(pl.Float64, strict=False)
    if numbers.null_count() > values.null_count() or numbers.null_count() == len(numbers):
        return column, set()
    return numbers, marks


def _summarise(column: pl.Series) -> ColumnSummary:
    values = column.fill_nan(None) if column.dtype.is_float() else column
    present = values.drop_nulls()
    if present.dtype.is_nested() or present.dtype == pl.Binary:
        return ColumnSummary("nested", len(column), values.null_count(), 0)
    summary = functools.partial(
        ColumnSummary, rows=len(column), missing=values.null_count(), distinct=present.n_unique()
    )
    if present.is_empty():
        return summary("missing")
    if present.dtype.is_temporal():
        return summary("time")
    if present.dtype.is_numeric() or present.dtype == pl.Boolean:
        numbers = present.cast(pl.Float64)
        minimum, maximum = numbers.min(), numbers.max()
        integers = bool((numbers == numbers.round()).all())
        return summary("number", integers=integers, minimum=float(str(minimum)), maximum=float(str(maximum)))
    text = present.cast(pl.String)
    if text.head(1000).str.to_datetime(time_unit="ms", time_zone="UTC", strict=False).is_not_null().all():
        return summary("time")
    codes = bool(text.str.contains("^[A-Z]{3}$").all()) and text.n_unique() <= _MOST_CURRENCIES
    return summary("text", currency_codes=codes)

"""What the values of a file's columns look like, for a draft of its description."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from schemas.errors import DataError
from training.data.source import read_head

#: Rows that are looked at.
ROWS = 100_000
#: Text that often stands for a missing value in columns of numbers.
_MARKS = ("NA", "N/A", "null", "NULL", "None", "?", "-", "\\N")
#: Seconds and milliseconds since 1970 from 1990 to 2100.
_SECONDS = (631_152_000, 4_102_444_800)
_MOST_CURRENCIES = 200


@dataclass(frozen=True)
class ColumnSummary:
    """One column, from the first `ROWS` rows."""

    kind: Literal["number", "text", "time", "nested", "missing"]
    rows: int
    missing: int
    #: Different values, missing ones aside.
    distinct: int
    #: All numbers are whole.
    whole: bool = False
    least: float = 0.0
    most: float = 0.0
    currency_codes: bool = False

    @property
    def zero_one(self) -> bool:
        """Each value is 0 or 1, in every row."""
        return self.kind == "number" and self.whole and self.least >= 0 and self.most <= 1 and not self.missing

    @property
    def like_a_key(self) -> bool:
        """Text or whole numbers, in every row."""
        return (self.kind == "text" or (self.kind == "number" and self.whole)) and not self.missing

    @property
    def unique_share(self) -> float:
        """Different values over values."""
        return self.distinct / max(1, self.rows - self.missing)

    @property
    def epoch_unit(self) -> Literal["s", "ms"] | None:
        """Of numbers that lie where seconds or milliseconds since 1970 do."""
        if self.kind != "number" or self.missing:
            return None
        if _SECONDS[0] <= self.least and self.most <= _SECONDS[1]:
            return "s"
        return "ms" if _SECONDS[0] * 1000 <= self.least and self.most <= _SECONDS[1] * 1000 else None


@dataclass(frozen=True)
class FileSummary:
    """All columns of a file, in its order."""

    rows: int
    columns: dict[str, ColumnSummary]
    #: Text found in place of missing numbers.
    missing_marks: tuple[str, ...]


def summarise_file(path: Path, shown: str) -> FileSummary:
    """Look at a local file's first rows.

    Raises:
        DataError: If it cannot be read, or has no rows.
    """
    frame = read_head(path, shown, ROWS)
    if frame.is_empty():
        raise DataError(f"{shown} has no rows; fetch or copy it again")
    marks: set[str] = set()
    columns = {}
    for column in frame:
        values, found = _as_numbers(column)
        marks |= found
        columns[column.name] = _facts(values)
    return FileSummary(len(frame), columns, tuple(sorted(marks)))


def _as_numbers(column: pl.Series) -> tuple[pl.Series, set[str]]:
    """Return text as numbers, and the marks of missing ones, where everything else in it is a number."""
    if column.dtype != pl.String:
        return column, set()
    found = set(column.filter(column.is_in(_MARKS)).unique())
    values = column.set(column.is_in(_MARKS).fill_null(value=False), None).str.strip_chars()
    made = values.cast(pl.Float64, strict=False)
    if made.null_count() > values.null_count() or made.null_count() == len(made):
        return column, set()
    return made, found


def _facts(column: pl.Series) -> ColumnSummary:
    values = column.fill_nan(None) if column.dtype.is_float() else column
    there = values.drop_nulls()
    if there.dtype.is_nested() or there.dtype == pl.Binary:
        return ColumnSummary("nested", len(column), values.null_count(), 0)
    facts = functools.partial(ColumnSummary, rows=len(column), missing=values.null_count(), distinct=there.n_unique())
    if there.is_empty():
        return facts("missing")
    if there.dtype.is_temporal():
        return facts("time")
    if there.dtype.is_numeric() or there.dtype == pl.Boolean:
        numbers = there.cast(pl.Float64)
        least, most = numbers.min(), numbers.max()
        whole = bool((numbers == numbers.round()).all())
        return facts("number", whole=whole, least=float(str(least)), most=float(str(most)))
    text = there.cast(pl.String)
    if text.head(1000).str.to_datetime(time_unit="ms", time_zone="UTC", strict=False).is_not_null().all():
        return facts("time")
    codes = bool(text.str.contains("^[A-Z]{3}$").all()) and text.n_unique() <= _MOST_CURRENCIES
    return facts("text", currency_codes=codes)

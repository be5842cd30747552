"""Read columns of Parquet or CSV files, on this machine or at any fsspec URL."""

import csv
import hashlib
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import fsspec
import polars as pl
from fsspec.implementations.local import LocalFileSystem

from schemas.errors import DataError

#: Key in a Parquet file's metadata for the SHA-256 of the file that it was made from.
SOURCE_SHA256 = "source_sha256"
Format = Literal["parquet", "csv"]
_CHUNK = 1 << 20
#: Number of bytes at the end of a CSV file in which the last line is searched for.
_TAIL = 1 << 20


@contextmanager
def local_copy(source: str | Path) -> Iterator[Path]:
    """Yield the path of a local file with the content of `source`: `source` itself if local, else a temporary copy.

    Raises:
        DataError: If the file does not exist, cannot be reached, or does not fit on the disk.
    """
    shown = shown_source(source)
    with tempfile.TemporaryDirectory(prefix="fraud-data-") as scratch:
        try:
            files, path = fsspec.core.url_to_fs(str(source))
            local = Path(path) if isinstance(files, LocalFileSystem) else Path(scratch) / Path(shown).name
            if not isinstance(files, LocalFileSystem):
                files.get_file(path, str(local))
        except FileNotFoundError:
            local = Path(scratch) / "none"
        except Exception as error:  # each file system raises errors of its own
            raise DataError(f"{shown} cannot be fetched ({_one_line(error)})") from error
        if not local.is_file():
            raise DataError(f"{shown} does not exist; fetch the ULB data with: fraud-train fetch-data")
        yield local


def shown_source(source: str | Path) -> str:
    """Return a path or URL without user name, password and query, which may be secret.

    >>> shown_source("https://me:secret@host/a.csv?token=1")
    'https://host/a.csv'
    """
    text = str(source)
    return re.sub(r"//[^/@]*@", "//", text).partition("?")[0] if "://" in text else text


def file_format(path: Path, shown: str) -> Format:
    """Return the format of a file, which depends on its extension.

    Raises:
        DataError: If the file is neither Parquet nor CSV.
    """
    if path.suffix.lower() == ".parquet":
        return "parquet"
    if path.suffix.lower() == ".csv":
        return "csv"
    raise DataError(f"{shown} must end in .parquet or .csv")


def column_names(path: Path, shown: str) -> list[str]:
    """Return the names of a file's columns.

    Raises:
        DataError: If the file cannot be read.
    """
    with _read_errors(shown):
        if file_format(path, shown) == "parquet":
            return list(pl.read_parquet_schema(path))
        return pl.read_csv(path, n_rows=0, infer_schema=False).columns


def read_head(path: Path, shown: str, rows: int) -> pl.DataFrame:
    """Read the first rows of a file, with all columns. CSV columns are read as text.

    Raises:
        DataError: If the file cannot be read.
    """
    with _read_errors(shown):
        if file_format(path, shown) == "parquet":
            return pl.read_parquet(path, n_rows=rows)
        return pl.read_csv(path, n_rows=rows, infer_schema=False)


def read_columns(
    path: Path, shown: str, columns: Collection[str], texts: Collection[str], missing: Collection[str] = ()
) -> pl.DataFrame:
    """Read the given columns of a file, in the given order.

    In a CSV file, columns in `texts` are read as text and all others as doubles. Types are not inferred, because a
    column may begin with integers and continue with 1e+05, and a label may be quoted. Parquet files store their types.

    Args:
        path: Local file.
        shown: Name of the file in errors.
        columns: Names of the columns to read.
        texts: Names of the columns that contain text.
        missing: Text that marks a missing value in CSV.

    Raises:
        DataError: If the file is empty or cut off, or has text in place of a number; the error does not
            show values.
    """
    wanted = list(columns)
    with _read_errors(shown):
        if file_format(path, shown) == "parquet":
            return pl.read_parquet(path, columns=wanted).select(wanted)
        _refuse_cut_off(path, shown)
        marks = ["", *missing]
        try:
            return pl.read_csv(
                path,
                columns=wanted,
                schema_overrides={name: pl.String if name in texts else pl.Float64 for name in wanted},
                null_values=marks,
            ).select(wanted)
        except pl.exceptions.ComputeError:
            _refuse_text(path, shown, [name for name in wanted if name not in texts], marks)
            raise


def source_sha256(path: Path) -> str:
    """Return the SHA-256 that identifies the data: that of the file itself, or of the file that it was made from.

    `fraud-train fetch-data` stores the hash of the original CSV file in the Parquet file that it writes.
    """
    if path.suffix.lower() == ".parquet" and (of_source := pl.read_parquet_metadata(path).get(SOURCE_SHA256)):
        return of_source
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _read_errors(shown: str) -> Iterator[None]:
    try:
        yield
    except pl.exceptions.NoDataError:
        raise DataError(f"{shown} is empty; fetch or copy it again") from None
    except OSError as error:
        raise DataError(f"{shown} cannot be read ({_one_line(error)}); check that the file is complete") from error
    except pl.exceptions.PolarsError:
        # The errors of polars are not shown, because they may contain values, which are card data.
        raise DataError(
            f"{shown} cannot be read: it must be Parquet, or comma-separated UTF-8 with one header line and no row "
            "with more fields than the header; if the file is incomplete, fetch or copy it again"
        ) from None


def _refuse_text(path: Path, shown: str, numbers: list[str], marks: list[str]) -> None:
    """Read the file again and raise an error for the first column that has text in place of a number."""
    rows = pl.scan_csv(path, infer_schema=False, null_values=marks, ignore_errors=True)
    bad = {
        name: pl.col(name).is_not_null() & pl.col(name).str.strip_chars().cast(pl.Float64, strict=False).is_null()
        for name in numbers
    }
    counts = rows.select(each.sum().alias(name) for name, each in bad.items()).collect(engine="streaming").row(0)
    for name, count in zip(bad, counts, strict=True):
        if count:
            first = rows.select(bad[name].arg_max()).collect(engine="streaming").item()
            where = f"{count} row{'s' * (count > 1)}, first in row {first}"
            raise DataError(
                f"{shown}: {name} is not a finite number in {where}; correct these rows, "
                "list the text that marks a missing value (missing: [NA]), or describe the column as categorical"
            )


def _refuse_cut_off(path: Path, shown: str) -> None:
    """Raise an error if the last line of a CSV file has too few fields, which polars would read as missing values."""
    with path.open("rb") as file:
        header = file.readline()
        file.seek(max(len(header), path.stat().st_size - _TAIL))
        tail = file.read()
    last = tail.rstrip(b"\r\n").rpartition(b"\n")[2]
    if tail.endswith(b"\n") or not last:
        return
    fields = [len(next(csv.reader([line.decode(errors="replace")]))) for line in (header, last)]
    if fields[1] < fields[0]:
        raise DataError(f"{shown} ends in the middle of a line; fetch or copy it again")


def _one_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__

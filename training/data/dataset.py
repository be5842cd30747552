"""Training data: a Parquet or CSV file, checked column by column, in order of event time."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.errors import DataError
from stream.scoring.features import FeaturePlan, Matrix

TIME = "Time"
AMOUNT = "Amount"
LABEL = "Class"
#: The principal components that the data's makers published instead of the raw attributes.
NUMERIC = tuple(f"V{i}" for i in range(1, 29))
COLUMNS = (TIME, *NUMERIC, AMOUNT, LABEL)

#: Key in the Parquet file's metadata that holds the SHA-256 of the file it was made from.
SOURCE_SHA256 = "source_sha256"
_HUNDRED = 100  # minor units in one unit of the data's currency
_MAX_AMOUNT = 1e13  # units; what `schemas.messages.AmountMinor` takes
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Transactions:
    """Labelled transactions in order of event time; rows of the same second keep the file's order.

    All arrays have length n.
    """

    #: Row number in the file, from 0.
    row: NDArray[np.int64]
    #: Seconds since the data's first transaction; never a feature.
    time_s: NDArray[np.float64]
    #: (n, len(NUMERIC)).
    numeric: NDArray[np.float64]
    amount_minor: NDArray[np.int64]
    #: 1 is fraud.
    label: NDArray[np.int8]
    #: True where every column equals an earlier row's.
    repeat: NDArray[np.bool_]
    #: Of the file the data came from: identifies the data in manifests and in MLflow.
    sha256: str

    def __len__(self) -> int:
        return len(self.row)

    def part(self, rows: slice) -> "Transactions":
        """Return the given rows."""
        return Transactions(
            row=self.row[rows],
            time_s=self.time_s[rows],
            numeric=self.numeric[rows],
            amount_minor=self.amount_minor[rows],
            label=self.label[rows],
            repeat=self.repeat[rows],
            sha256=self.sha256,
        )

    def matrix(self, plan: FeaturePlan) -> Matrix:
        """Return (n, n_features), made by the very code that the stream uses."""
        columns = [NUMERIC.index(name) for name in plan.numeric]
        # Hours count from the data's first transaction, at a midnight.
        event_time_ms = np.rint(self.time_s * 1000).astype(np.int64)
        return plan.matrix(self.numeric[:, columns], np.empty((len(self), 0)), self.amount_minor, event_time_ms)


def load(path: Path) -> Transactions:
    """Read and check training data.

    Raises:
        DataError: If the file or a column of it cannot be used; names the column and the first bad row, never a
            value, for these are card data.
    """
    frame = _read(path)
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise DataError(f"{path} has no column {', '.join(missing)}; it takes {TIME}, V1 to V28, {AMOUNT}, {LABEL}")
    if frame.is_empty():
        raise DataError(f"{path} has no rows; fetch it again with: fraud-train fetch-data")
    frame = frame.select(_finite(frame[name], path) for name in COLUMNS).with_row_index("row")
    frame = frame.sort(TIME, maintain_order=True)
    amount = frame[AMOUNT].to_numpy()
    if amount.min() < 0 or amount.max() > _MAX_AMOUNT:
        raise DataError(f"{path}: {AMOUNT} must lie between 0 and {_MAX_AMOUNT:.0e}; correct or remove these rows")
    return Transactions(
        row=frame["row"].to_numpy().astype(np.int64),
        time_s=frame[TIME].to_numpy(),
        numeric=frame.select(NUMERIC).to_numpy(),
        amount_minor=np.rint(amount * _HUNDRED).astype(np.int64),
        label=_labels(frame[LABEL], path),
        repeat=~frame.select(pl.struct(COLUMNS).is_first_distinct()).to_series().to_numpy(),
        sha256=_source_sha256(path),
    )


def read_csv(path: Path) -> pl.DataFrame:
    """Read a CSV file as doubles, null where a field is no number.

    Types are not inferred: this data has whole numbers, then 1e+05, and its label in quotes.
    """
    return pl.read_csv(path, infer_schema=False).with_columns(pl.all().cast(pl.Float64, strict=False))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _read(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".csv":
            return read_csv(path)
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{path} is not there; fetch the data with: fraud-train fetch-data") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path} cannot be read ({reason}); is it cut off? Fetch or copy it again") from error
    raise DataError(f"{path} must end in .parquet or .csv")


def _finite(column: pl.Series, path: Path) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    # What is infinite as float32 would be refused by the stream, so it is no training data either.
    bad = ~numbers.cast(pl.Float32, strict=False).is_finite().fill_null(value=False)
    if bad.any():
        where = f"{path}: {column.name} is not a finite number in {bad.sum()} rows, first in row {bad.arg_max()}"
        raise DataError(f"{where}; correct or remove these rows, or fetch the file again if it is cut off")
    return numbers


def _labels(column: pl.Series, path: Path) -> NDArray[np.int8]:
    given = column.to_numpy()
    if not np.isin(given, (0, 1)).all():
        raise DataError(f"{path}: {LABEL} must be 0 (legitimate) or 1 (fraud) in every row")
    labels: NDArray[np.int8] = given.astype(np.int8)
    if labels.min() == labels.max():
        raise DataError(f"{path}: {LABEL} is the same in every row; training needs frauds and legitimate rows")
    return labels


def _source_sha256(path: Path) -> str:
    if path.suffix == ".parquet" and (known := pl.read_parquet_metadata(path).get(SOURCE_SHA256)):
        return known
    return file_sha256(path)

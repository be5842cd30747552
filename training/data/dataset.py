"""Load a Parquet or CSV file of training data, validate it column by column, and sort it by event time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.errors import DataError
from stream.scoring.features import FeaturePlan, Matrix
from training.data import columns
from training.data.cards import synthetic_cards
from training.data.description import ULB, CurrencyColumn, DataDescription
from training.data.source import column_names, local_copy, read_columns, shown_source, source_sha256

#: Number of rows turned into feature vectors at a time, so that the whole matrix is never also in memory as doubles.
_BLOCK = 1 << 16
#: Largest number of missing columns that an error lists.
_LISTED = 5
_NO_LABEL = -1
#: Either `FeaturePlan.matrix` or `FeaturePlan.raw_features`.
_MakeFeatures = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]], Matrix]


@dataclass(frozen=True)
class Dataset:
    """n transactions in order of event time. Rows with the same event time keep the order of the file."""

    description: DataDescription
    #: Hash of the source file, which identifies the data in manifests and in MLflow.
    sha256: str
    #: (n,) row number in the file, from 0.
    row: NDArray[np.int64]
    #: (n,) UTC milliseconds; never a feature.
    event_time_ms: NDArray[np.int64]
    #: (n,) minor units.
    amount_minor: NDArray[np.int64]
    #: (n,) 1 for fraud; -1 in every row of data that were read without labels.
    label: NDArray[np.int8]
    #: (n,) 64-bit hash of every column but the id. The probability that two of n different rows have the same hash is
    #: n²/2⁶⁵. Hashes are comparable only within one process.
    fingerprint: NDArray[np.uint64]
    #: (n,) true if the row equals an earlier row in every column but the id.
    repeat: NDArray[np.bool_]
    #: Source columns of the features, n rows: Float32 or Float64 if numeric, String if categorical, null if missing.
    frame: pl.DataFrame
    #: Text columns that are not features, n rows: `currency` and, if the file has them, `transaction_id` and `card_id`.
    keys: pl.DataFrame

    def __len__(self) -> int:
        return len(self.row)

    @property
    def transaction_id(self) -> NDArray[np.object_]:
        """Transaction ids (n,) as str, from the file if it has them, otherwise the row numbers."""
        row_numbers = self.description.id is None
        return (pl.Series(self.row).cast(pl.String) if row_numbers else self.keys["transaction_id"]).to_numpy()

    @property
    def card_id(self) -> NDArray[np.object_]:
        """Card ids (n,) as str, from the file if it has them, otherwise synthetic ids made from the row numbers."""
        return synthetic_cards(self.row) if self.description.card is None else self.keys["card_id"].to_numpy()

    @property
    def currency(self) -> NDArray[np.object_]:
        """ISO 4217 codes (n,)."""
        return self.keys["currency"].to_numpy()

    def part(self, rows: "slice | NDArray[np.int64]") -> "Dataset":
        """Return a dataset with only the given rows, in the given order."""
        return replace(
            self,
            row=self.row[rows],
            event_time_ms=self.event_time_ms[rows],
            amount_minor=self.amount_minor[rows],
            label=self.label[rows],
            fingerprint=self.fingerprint[rows],
            repeat=self.repeat[rows],
            frame=self.frame[rows],
            keys=self.keys[rows],
        )

    def matrix(self, plan: FeaturePlan) -> Matrix:
        """Return the feature vectors (n, n_features), computed by the stream's own code.

        Raises:
            DataError: If a feature of the plan is missing from the data or has another kind there.
        """
        return self._features(plan, plan.matrix)

    def raw_features(self, plan: FeaturePlan) -> Matrix:
        """Return the raw features (n, n_features), as drift detection counts them.

        Missing values are NaN; they have not been imputed.

        Raises:
            DataError: If a feature of the plan is missing from the data or has another kind there.
        """
        return self._features(plan, plan.raw_features)

    def _features(self, plan: FeaturePlan, make: _MakeFeatures) -> Matrix:
        kinds = dict.fromkeys(plan.numeric, "numeric") | dict.fromkeys(plan.categorical, "categorical")
        for name, kind in kinds.items():
            if self.description.features.get(name) != kind:
                raise DataError(f"the model needs the {kind} feature {name}; add it to the data description")
        matrix = np.empty((len(self), len(plan.names)), dtype=np.float32)
        codes = [_codes(plan, self.frame[name]) for name in plan.categorical]
        for start in range(0, len(self), _BLOCK):
            block = slice(start, start + _BLOCK)
            matrix[block] = make(
                _stack_columns([self.frame[name][block].to_numpy() for name in plan.numeric], len(self.row[block])),
                _stack_columns([each[block] for each in codes], len(self.row[block])),
                self.amount_minor[block],
                self.event_time_ms[block],
            )
        return matrix


def load(path: str | Path, description: DataDescription | None = None, *, labelled: bool = True) -> Dataset:
    """Read and check a data file.

    Args:
        path: Path or fsspec URL of a Parquet or CSV file.
        description: Meaning of the file's columns; by default, that of the ULB data.
        labelled: Whether the file must have labels; if False, labels are not read.

    Raises:
        DataError: If the file or one of its columns cannot be used. The error names the column and the first bad row,
            but does not show values, because they are card data.
    """
    description = description or ULB
    shown = shown_source(path)
    with local_copy(path) as file:
        unread = () if labelled else (description.label,)
        wanted = [name for name in (*description.columns, *description.features) if name not in unread]
        _require_columns(wanted, column_names(file, shown), shown)
        raw = read_columns(file, shown, wanted, description.texts, description.missing)
        sha256 = source_sha256(file)
    if raw.is_empty():
        raise DataError(f"{shown} has no rows; fetch or copy it again")
    return _in_order(_checked(raw, description, sha256, shown))


def _checked(raw: pl.DataFrame, description: DataDescription, sha256: str, shown: str) -> Dataset:
    time = columns.times(raw[description.time.column], description.time, shown)
    has_labels = description.label in raw.columns
    label = columns.labels(raw[description.label], shown) if has_labels else np.full(len(raw), _NO_LABEL, dtype=np.int8)
    keys = _keys(raw, description, shown)
    amount = columns.amounts(raw[description.amount.column], description.amount, keys["currency"], shown)
    read = {"numeric": columns.numbers, "categorical": columns.texts}
    frame = pl.DataFrame([read[kind](raw[name], shown) for name, kind in description.features.items()])
    all_but_the_id = (
        pl.Series(time),
        pl.Series(label),
        pl.Series(amount),
        *keys.drop("transaction_id", strict=False),
        *frame,
    )
    # The columns are numbered, because a feature may have the same name as a key.
    fingerprint = pl.DataFrame([column.alias(str(i)) for i, column in enumerate(all_but_the_id)]).hash_rows()
    return Dataset(
        description=description,
        sha256=sha256,
        row=np.arange(len(raw), dtype=np.int64),
        event_time_ms=time,
        amount_minor=amount,
        label=label,
        fingerprint=fingerprint.to_numpy(),
        repeat=~fingerprint.is_first_distinct().to_numpy(),
        frame=frame,
        keys=keys,
    )


def _keys(raw: pl.DataFrame, description: DataDescription, shown: str) -> pl.DataFrame:
    if isinstance(description.currency, CurrencyColumn):
        currency = columns.currencies(raw[description.currency.column], shown)
    else:
        currency = pl.repeat(description.currency, len(raw), dtype=pl.String, eager=True)
    keys = [currency.alias("currency")]
    if description.id is not None:
        keys.append(columns.ids(raw[description.id], shown, unique=True).alias("transaction_id"))
    if description.card is not None:
        keys.append(columns.ids(raw[description.card], shown, unique=False).alias("card_id"))
    return pl.DataFrame(keys)


def _in_order(data: Dataset) -> Dataset:
    if (np.diff(data.event_time_ms) >= 0).all():
        return data
    # Equal rows have equal event times, so the stable sort keeps the first of them first and `repeat` stays correct.
    return data.part(np.argsort(data.event_time_ms, kind="stable"))


def _require_columns(wanted: list[str], present: list[str], shown: str) -> None:
    missing = [name for name in wanted if name not in set(present)]
    if missing:
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        raise DataError(
            f"{shown} has no column {', '.join(missing[:_LISTED])}{more}; "
            f"describe its columns with: fraud-train describe {shown}"
        )


def _codes(plan: FeaturePlan, column: pl.Series) -> NDArray[np.float64]:
    """Return the category codes (n,) of a categorical column. Each distinct value is encoded only once."""
    distinct = column.drop_nulls().unique()
    table = pl.DataFrame({"value": distinct, "code": plan.codes(column.name, distinct.to_list())})
    joined = pl.DataFrame({"value": column}).join(table, on="value", how="left", maintain_order="left")
    return joined["code"].to_numpy()


def _stack_columns(arrays: list[NDArray[np.float64]], rows: int) -> NDArray[np.float64]:
    stacked = np.empty((rows, len(arrays)))
    for i, array in enumerate(arrays):
        stacked[:, i] = array
    return stacked

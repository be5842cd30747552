"""Training data: a Parquet or CSV file, checked column by column, in order of event time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.errors import DataError
from stream.scoring.features import FeaturePlan, Matrix
from training.data import columns
from training.data.cards import made_up_cards
from training.data.description import ULB, CurrencyColumn, DataDescription
from training.data.source import column_names, local_copy, read_columns, shown_source, source_sha256

#: Rows that become features at a time, so that doubles never stand beside the whole matrix.
_BLOCK = 1 << 16
#: Missing columns that an error names; hundreds would hide the first.
_NAMED = 5
_NO_LABEL = -1
#: `FeaturePlan.matrix`, or `given`.
_Make = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]], Matrix]


@dataclass(frozen=True)
class Dataset:
    """Transactions in order of event time; rows of the same time keep the file's order.

    All arrays and both frames have n rows.
    """

    description: DataDescription
    #: Of the file the data came from: identifies the data in manifests and in MLflow.
    sha256: str
    #: Row number in the file, from 0.
    row: NDArray[np.int64]
    #: UTC milliseconds; never a feature.
    event_time_ms: NDArray[np.int64]
    amount_minor: NDArray[np.int64]
    #: 1 is fraud; -1 everywhere in data that were read without labels.
    label: NDArray[np.int8]
    #: Equal where two rows are equal in every column but the id; a hash of 64 bits, so unequal ones differ but for a
    #: chance of n²/2⁶⁵. Comparable within one process.
    fingerprint: NDArray[np.uint64]
    #: True where every column but the id equals an earlier row's.
    repeat: NDArray[np.bool_]
    #: The features' source columns: Float32 or Float64 where numeric, String where categorical; null where missing.
    frame: pl.DataFrame
    #: Text that is no feature: `currency` and, where the file names them, `transaction_id` and `card_id`.
    keys: pl.DataFrame

    def __len__(self) -> int:
        return len(self.row)

    @property
    def transaction_id(self) -> NDArray[np.object_]:
        """Ids (n,) as str: the file's own, or row numbers."""
        made_up = self.description.id is None
        return (pl.Series(self.row).cast(pl.String) if made_up else self.keys["transaction_id"]).to_numpy()

    @property
    def card_id(self) -> NDArray[np.object_]:
        """Cards (n,) as str: the file's own, or made up from row numbers."""
        return made_up_cards(self.row) if self.description.card is None else self.keys["card_id"].to_numpy()

    @property
    def currency(self) -> NDArray[np.object_]:
        """ISO 4217 codes (n,)."""
        return self.keys["currency"].to_numpy()

    def part(self, rows: "slice | NDArray[np.int64]") -> "Dataset":
        """Return the given rows, in the given order."""
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
        """Return (n, n_features), made by the very code that the stream uses.

        Raises:
            DataError: If the data lack a feature of the plan, or have it as another kind.
        """
        return self._made(plan, plan.matrix)

    def raw_features(self, plan: FeaturePlan) -> Matrix:
        """Return (n, n_features) before missing values are filled: NaN where one is missing, as drift is counted.

        Raises:
            DataError: Likewise.
        """
        return self._made(plan, plan.raw_features)

    def _made(self, plan: FeaturePlan, make: _Make) -> Matrix:
        kinds = dict.fromkeys(plan.numeric, "numeric") | dict.fromkeys(plan.categorical, "categorical")
        for name, kind in kinds.items():
            if self.description.features.get(name) != kind:
                raise DataError(f"the data have no {kind} feature {name}, which the model takes; describe it")
        matrix = np.empty((len(self), len(plan.names)), dtype=np.float32)
        codes = [_codes(plan, self.frame[name]) for name in plan.categorical]
        for start in range(0, len(self), _BLOCK):
            block = slice(start, start + _BLOCK)
            matrix[block] = make(
                _side_by_side([self.frame[name][block].to_numpy() for name in plan.numeric], len(self.row[block])),
                _side_by_side([each[block] for each in codes], len(self.row[block])),
                self.amount_minor[block],
                self.event_time_ms[block],
            )
        return matrix


def load(path: str | Path, description: DataDescription | None = None, *, labelled: bool = True) -> Dataset:
    """Read and check training data, or transactions of which nobody knows yet what they were.

    Args:
        path: Of a Parquet or CSV file, or any fsspec URL of one.
        description: What its columns are; the ULB data's when not given.
        labelled: Whether the file must have labels; if not, they are not read.

    Raises:
        DataError: If the file or a column of it cannot be used; names the column and the first bad row, never a
            value, for these are card data.
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
    there = description.label in raw.columns
    label = columns.labels(raw[description.label], shown) if there else np.full(len(raw), _NO_LABEL, dtype=np.int8)
    keys = _keys(raw, description, shown)
    amount = columns.amounts(raw[description.amount.column], description.amount, keys["currency"], shown)
    read = {"numeric": columns.numbers, "categorical": columns.texts}
    frame = pl.DataFrame([read[kind](raw[name], shown) for name, kind in description.features.items()])
    but_the_id = (
        pl.Series(time),
        pl.Series(label),
        pl.Series(amount),
        *keys.drop("transaction_id", strict=False),
        *frame,
    )
    # A feature may have the name of a key.
    fingerprint = pl.DataFrame([column.alias(str(i)) for i, column in enumerate(but_the_id)]).hash_rows()
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
    # Equal rows have equal times, so the first of them stays the first.
    return data.part(np.argsort(data.event_time_ms, kind="stable"))


def _require_columns(wanted: list[str], given: list[str], shown: str) -> None:
    missing = [name for name in wanted if name not in set(given)]
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise DataError(
            f"{shown} has no column {', '.join(missing[:_NAMED])}{more}; "
            f"describe its columns with: fraud-train describe {shown}"
        )


def _codes(plan: FeaturePlan, column: pl.Series) -> NDArray[np.float64]:
    """Return (n,) codes of one categorical column; the plan's own code sees each distinct value once."""
    distinct = column.drop_nulls().unique()
    table = pl.DataFrame({"value": distinct, "code": plan.codes(column.name, distinct.to_list())})
    joined = pl.DataFrame({"value": column}).join(table, on="value", how="left", maintain_order="left")
    return joined["code"].to_numpy()


def _side_by_side(columns_: list[NDArray[np.float64]], rows: int) -> NDArray[np.float64]:
    made = np.empty((rows, len(columns_)))
    for i, column in enumerate(columns_):
        made[:, i] = column
    return made

"""Cut transactions into slices: all, amount bands of each currency, categories of each categorical feature."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.data.dataset import Dataset
from training.evaluation.slices import amount_bands
from training.validation.thresholds import SliceLimits

Flags = NDArray[np.bool_]
ALL = "all"


class TransactionSlice(NamedTuple):
    """Some of n transactions."""

    #: "all", "amount", or the name of a categorical feature.
    by: str
    name: str
    #: Whether each transaction (n,) belongs to the slice.
    mask: Flags

    @property
    def title(self) -> str:
        """Name for a reader."""
        return self.name if self.by == ALL else f"{self.by}: {self.name}"


def cut_slices(rows: Dataset, categorical: Sequence[str], limits: SliceLimits) -> list[TransactionSlice]:
    """Return the slices of n labelled transactions that contain any of them.

    Args:
        rows: Transactions.
        categorical: Names of the categorical features by which to slice.
        limits: Edges of the amount bands, number of categories, and numbers of rows below which a category is not a
            slice of its own.
    """
    slices = [TransactionSlice(ALL, "all transactions", np.ones(len(rows), dtype=np.bool_))]
    slices += _by_amount(rows, limits.amount_edges)
    for name in categorical:
        slices += _by_category(name, rows.frame[name], rows.label == 1, limits)
    return slices


def _by_amount(rows: Dataset, edges: Sequence[int]) -> Iterator[TransactionSlice]:
    currencies = np.unique(rows.currency.astype(str))
    for currency in currencies.tolist():
        of_currency = rows.currency == currency
        for name, band in amount_bands(rows.amount_minor, edges):
            mask = of_currency & band
            if mask.any():
                yield TransactionSlice("amount", f"{currency}, {name}", mask)


def _by_category(by: str, values: pl.Series, fraud: Flags, limits: SliceLimits) -> Iterator[TransactionSlice]:
    """Yield the most frequent categories, and those with few frauds together, so that their frauds count too."""
    counts = pl.DataFrame({"value": values, "fraud": fraud}).group_by("value").agg(pl.len(), pl.col("fraud").sum())
    few = counts.filter(pl.col("fraud") < limits.min_frauds)
    large = counts.filter(
        (pl.col("fraud") >= limits.min_frauds) | (pl.col("len") - pl.col("fraud") >= limits.min_legitimate)
    )
    # Ties are broken by name, so that the same data give the same slices.
    named = large.sort(["len", "value"], descending=[True, False])["value"].head(limits.max_categories).to_list()
    for value in named:
        yield TransactionSlice(by, "no value" if value is None else value, values.eq_missing(value).to_numpy())
    if len(few) > 1 or (len(few) and few["value"][0] not in named):
        mask = values.is_in(few["value"].implode(), nulls_equal=True).to_numpy()
        yield TransactionSlice(by, f"{len(few)} with fewer than {limits.min_frauds} frauds each, together", mask)

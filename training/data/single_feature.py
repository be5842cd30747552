"""How well one feature alone tells frauds: average precision of its best ranking."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_SEED = 0
_LEARNT_SHARE = 0.5


def tells_frauds(column: pl.Series, labels: NDArray[np.int8], above: float) -> float | None:
    """Return a feature's average precision where it is higher than `above`, else None.

    A number ranks rows by itself, by its negative, or by being missing. A category ranks by its share of frauds,
    learnt from half of the rows and measured on the others, so that rare categories tell nothing by themselves.

    Args:
        column: (n,) of numbers or text, null where missing.
        labels: (n,), 1 for fraud.
        above: In [0, 1).
    """
    for ranking, judged in _rankings(column, labels):
        if judged.any() and _may_exceed(ranking, judged, above):
            found = _average_precision(ranking, judged)
            if found > above:
                return found
    return None


def _rankings(column: pl.Series, labels: NDArray[np.int8]) -> Iterator[tuple[Floats, NDArray[np.int8]]]:
    """Yield rankings (k,), frauds supposed to be high, and the labels (k,) of the ranked rows."""
    if column.dtype == pl.String:
        # Not by turns: rows may be in some order.
        learnt_from = np.random.default_rng(_SEED).random(len(labels)) < _LEARNT_SHARE
        yield _by_category(column, labels, learnt_from), labels[~learnt_from]
        return
    values = column.cast(pl.Float64).to_numpy()
    missing = np.isnan(values)
    yield np.where(missing, -np.inf, values), labels
    yield np.where(missing, -np.inf, -values), labels
    if missing.any():
        yield missing.astype(np.float64), labels


def _by_category(column: pl.Series, labels: NDArray[np.int8], learnt_from: NDArray[np.bool_]) -> Floats:
    """Return, for the rows not learnt from, the share of frauds among those of its category that were.

    For a category that is new the share among all of them.
    """
    rows = pl.DataFrame({"category": column, "fraud": labels})
    learnt = rows.filter(learnt_from)
    shares = learnt.group_by("category").agg(pl.mean("fraud").alias("share"))
    judged = rows.filter(~learnt_from).join(shares, on="category", how="left", nulls_equal=True, maintain_order="left")
    overall = learnt.select(pl.mean("fraud")).item() or 0.0
    return judged["share"].fill_null(overall).to_numpy()


def _average_precision(ranking: Floats, labels: NDArray[np.int8]) -> float:
    """Return average precision; rows of equal rank are one step, and missing ones may rank at minus infinity."""
    _, step = np.unique(-ranking, return_inverse=True)
    frauds, rows = np.bincount(step, weights=labels), np.bincount(step)
    precision = np.cumsum(frauds) / np.cumsum(rows)
    return float(np.sum(frauds * precision) / frauds.sum())


def _may_exceed(ranking: Floats, labels: NDArray[np.int8], above: float) -> bool:
    """Return False where average precision cannot be higher than `above`; spares sorting most columns.

    Let share r of the F highest-ranked rows be frauds, of F frauds in all, and d = 1 - r. Their precision is at most
    1. The other frauds stand behind rank F: the last one best at rank F + dF, where precision is 1 / (1 + d), and no
    one before it is better. So average precision is at most r + d / (1 + d) = 1 - d² / (1 + d).
    """
    frauds = int(labels.sum())
    least = np.partition(ranking, len(ranking) - frauds)[len(ranking) - frauds]
    # Of rows that share the lowest of these ranks, frauds are taken to come first.
    missed = 1 - min(1.0, float(labels[ranking >= least].sum()) / frauds)
    return 1 - missed**2 / (1 + missed) > above

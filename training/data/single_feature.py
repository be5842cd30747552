"""Measure how well a single feature separates frauds: the average precision of its best ranking."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_SEED = 0
_LEARNT_SHARE = 0.5


def separating_precision(column: pl.Series, labels: NDArray[np.int8], above: float) -> float | None:
    """Return the average precision of a feature's best ranking if it is higher than `above`, else None.

    A number ranks rows by its value, by its negative, or by being missing. A category ranks by its share of frauds,
    learnt from half of the rows and measured on the other half, so that rare categories do not appear to separate
    frauds.

    Args:
        column: Feature values (n,), numbers or text, null if missing.
        labels: Labels (n,), 1 for fraud.
        above: Limit of the average precision, in [0, 1).
    """
    for ranking, judged in _rankings(column, labels):
        if judged.any() and _may_exceed(ranking, judged, above):
            average_precision = _average_precision(ranking, judged)
            if average_precision > above:
                return average_precision
    return None


def _rankings(column: pl.Series, labels: NDArray[np.int8]) -> Iterator[tuple[Floats, NDArray[np.int8]]]:
    """Yield rankings (k,) that might place frauds at the top, each with the labels (k,) of the ranked rows."""
    if column.dtype == pl.String:
        # The halves are drawn at random rather than alternately, because the order of the rows may not be arbitrary.
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
    """Return, for each held-out row, the share of frauds among the `learnt_from` rows of its category.

    A category without such rows gets the share among all `learnt_from` rows.
    """
    rows = pl.DataFrame({"category": column, "fraud": labels})
    learnt = rows.filter(learnt_from)
    shares = learnt.group_by("category").agg(pl.mean("fraud").alias("share"))
    judged = rows.filter(~learnt_from).join(shares, on="category", how="left", nulls_equal=True, maintain_order="left")
    overall = learnt.select(pl.mean("fraud")).item() or 0.0
    return judged["share"].fill_null(overall).to_numpy()


def _average_precision(ranking: Floats, labels: NDArray[np.int8]) -> float:
    """Return the average precision of a ranking. Equal values form one step; minus infinity is a valid value."""
    _, step = np.unique(-ranking, return_inverse=True)
    frauds, rows = np.bincount(step, weights=labels), np.bincount(step)
    precision = np.cumsum(frauds) / np.cumsum(rows)
    return float(np.sum(frauds * precision) / frauds.sum())


def _may_exceed(ranking: Floats, labels: NDArray[np.int8], above: float) -> bool:
    """Return False if the average precision cannot be higher than `above`, so that most columns need no sorting.

    Let F be the number of frauds, r the share of frauds among the F highest-ranked rows, and d = 1 - r. The precision
    at these frauds is at most 1. The other frauds rank below F: the last of them at best at rank F + dF, where the
    precision is 1 / (1 + d), and no earlier one is better. So the average precision is at most r + d / (1 + d) = 1 -
    d² / (1 + d).
    """
    frauds = int(labels.sum())
    lowest = np.partition(ranking, len(ranking) - frauds)[len(ranking) - frauds]
    # Among rows with the lowest of these values, frauds count as ranked first.
    missed = 1 - min(1.0, float(labels[ranking >= lowest].sum()) / frauds)
    return 1 - missed**2 / (1 + missed) > above

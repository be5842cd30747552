"""The statistics in the report: distances between distributions, intervals for shares, rank correlation."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from stream.drift.distances import psi

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]

#: Standard normal quantile of a two-sided 95% interval.
_Z = 1.959964


class Ranking:
    """A column sorted once, for any number of comparisons between groups of its rows.

    Args:
        values: Finite values (n,).
    """

    def __init__(self, values: Floats) -> None:
        self._order = np.argsort(values)
        self.ascending: Floats = values[self._order]
        # True at the last of each run of equal values, where the distribution function steps.
        self._steps = np.append(self.ascending[1:] != self.ascending[:-1], True)

    def ks(self, first: Mask, second: Mask) -> float | None:
        """Return the two-sample Kolmogorov-Smirnov statistic sup│F_first - F_second│, in [0, 1].

        Args:
            first: Mask (n,) of one sample's rows.
            second: Mask (n,) of the other sample's rows.

        Returns:
            The statistic; None if a sample is empty.

        >>> Ranking(np.array([1.0, 2.0, 3.0, 4.0])).ks(np.array([1, 1, 0, 0]) > 0, np.array([0, 0, 1, 1]) > 0)
        1.0
        """
        if not (first.any() and second.any()):
            return None
        below_first = np.cumsum(first[self._order])[self._steps] / first.sum()
        below_second = np.cumsum(second[self._order])[self._steps] / second.sum()
        return float(np.abs(below_first - below_second).max())

    def quantiles(self, shares: tuple[float, ...], among: Mask | None = None) -> Floats:
        """Return the quantiles of all rows, or of the rows in `among`, a mask (n,) with at least one row.

        Quantiles are values of the column; there is no interpolation.
        """
        ascending = self.ascending if among is None else self.ascending[among[self._order]]
        positions = [min(int(share * len(ascending)), len(ascending) - 1) for share in shares]
        return ascending[positions]


def psi_or_none(reference: Counts, current: Counts) -> float | None:
    """Return the PSI of two samples from their counts (bins,), as drift detection does; None if a sample is empty.

    >>> psi_or_none(np.array([50, 50]), np.array([50, 50]))
    0.0
    """
    value = float(psi(reference, current))
    return None if np.isnan(value) else value


def total_variation(first: Counts, second: Counts) -> float | None:
    """Return the total variation distance ½ Σ│p - q│ of two samples, given their counts (levels,), in [0, 1].

    It is the counterpart of the KS statistic for text columns.

    Returns:
        The distance; None if a sample is empty.
    """
    if not (first.sum() and second.sum()):
        return None
    return float(np.abs(first / first.sum() - second / second.sum()).sum() / 2)


def wilson(hits: Counts, trials: Counts) -> tuple[Floats, Floats]:
    """Return the ends of the 95% Wilson score intervals for `hits / trials` (E. B. Wilson, 1927).

    Args:
        hits: Number of hits (k,).
        trials: Number of trials (k,), at least `hits`.

    Returns:
        Lower and upper ends (k,), NaN where there are no trials.
    """
    n = np.where(trials > 0, trials, np.nan)
    share = hits / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def normal_ranks(values: Floats) -> NDArray[np.float32]:
    """Return mean ranks (n,), centred and of length 1, so that their dot product is the Spearman correlation.

    A missing value (NaN) gets the middle rank, which adds nothing to a correlation. A constant column gives all zeros.
    """
    present = np.isfinite(values)
    ranks = np.zeros(len(values))
    if present.any():
        ranks[present] = rankdata(values[present])
        ranks[present] -= ranks[present].mean()
    length = np.linalg.norm(ranks)
    return (ranks / length if length > 0 else ranks).astype(np.float32)

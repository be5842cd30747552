"""The statistics of the report: distances between distributions, intervals of shares, rank correlation."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]

#: Standard normal quantile of a two-sided 95 % interval.
_Z = 1.959964


class Ranking:
    """One column's values (n,), all finite, sorted once for any number of comparisons between its rows."""

    def __init__(self, values: Floats) -> None:
        self._order = np.argsort(values)
        self.ascending: Floats = values[self._order]
        # Of equal values only the last stands for all: a distribution function steps once there.
        self._steps = np.append(self.ascending[1:] != self.ascending[:-1], True)

    def ks(self, first: Mask, second: Mask) -> float | None:
        """Return the two-sample Kolmogorov-Smirnov statistic sup│F_first - F_second│, in [0, 1].

        Args:
            first: Rows (n,) of one sample.
            second: Rows (n,) of the other.

        Returns:
            None where a sample is empty.

        >>> Ranking(np.array([1.0, 2.0, 3.0, 4.0])).ks(np.array([1, 1, 0, 0]) > 0, np.array([0, 0, 1, 1]) > 0)
        1.0
        """
        if not (first.any() and second.any()):
            return None
        below_first = np.cumsum(first[self._order])[self._steps] / first.sum()
        below_second = np.cumsum(second[self._order])[self._steps] / second.sum()
        return float(np.abs(below_first - below_second).max())

    def quantiles(self, shares: tuple[float, ...], among: Mask | None = None) -> Floats:
        """Return lower quantiles of all rows, or of the rows `among`, which must not be empty."""
        ascending = self.ascending if among is None else self.ascending[among[self._order]]
        positions = [min(int(share * len(ascending)), len(ascending) - 1) for share in shares]
        return ascending[positions]


def psi(reference: Counts, current: Counts) -> float | None:
    """Return the population stability index Σ(c-r)·ln(c/r) of counts (bins,), ≥ 0.

    r and c are each bin's share in reference and current; half a row is added to every bin, so that an empty one costs
    something finite. Usual reading: below 0.1 alike, above 0.25 moved (N. Siddiqi, "Credit Risk Scorecards", 2006).

    Returns:
        None where a sample is empty.

    >>> psi(np.array([50, 50]), np.array([50, 50]))
    0.0
    """
    if not (reference.sum() and current.sum()):
        return None
    r, c = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (reference, current))
    return float(np.sum((c - r) * np.log(c / r)))


def total_variation(first: Counts, second: Counts) -> float | None:
    """Return ½ Σ│p - q│ of two counts (levels,), in [0, 1]: for levels what KS is for numbers.

    Returns:
        None where a sample is empty.
    """
    if not (first.sum() and second.sum()):
        return None
    return float(np.abs(first / first.sum() - second / second.sum()).sum() / 2)


def wilson(hits: Counts, of: Counts) -> tuple[Floats, Floats]:
    """Return the 95 % Wilson score interval of shares `hits / of`, NaN of nothing (E. B. Wilson, 1927)."""
    n = np.where(of > 0, of, np.nan)
    share = hits / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def normal_ranks(values: Floats) -> NDArray[np.float32]:
    """Return mean ranks (n,), centred and of length 1, so that a scalar product is Spearman's correlation.

    Missing values (NaN) get the middle rank, where they pull in no direction; a constant column is all zeros.
    """
    there = np.isfinite(values)
    ranks = np.zeros(len(values))
    if there.any():
        ranks[there] = rankdata(values[there])
        ranks[there] -= ranks[there].mean()
    length = np.linalg.norm(ranks)
    return (ranks / length if length > 0 else ranks).astype(np.float32)

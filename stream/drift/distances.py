"""Distances between a reference and current windows: PSI, the KS statistic and the Jensen-Shannon distance.

All functions take counts and work on many windows and columns at once: the last axis is the bins, and the leading axes
are windows and columns.
"""

import numpy as np
from numpy.typing import NDArray

#: Smallest share ε that PSI uses for a bin: half a row in a window of 5,000. A reference bin with share r that becomes
#: empty then adds r ln(r / ε) to PSI (0.7 if r is a tenth), and a stray row in a bin that is empty in the reference
#: adds almost nothing.
EPSILON = 1e-4


def psi(reference: NDArray[np.int64], current: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the population stability index (PSI) of each window.

        PSI = Σ (c - r) ln(c / r)

    where r and c are each bin's shares of the reference and of the current window. PSI is the sum of the
    Kullback-Leibler divergences in both directions (H. Jeffreys, 1946; in credit scoring since E. Lewis, "An
    Introduction to Credit Scoring", 1994). An empty bin would make PSI infinite, so shares below `EPSILON` are
    raised to `EPSILON`.

    Args:
        reference: (k,) counts in the reference's bins, or (..., k) for several columns.
        current: (..., k) counts in the same bins for the current windows.

    Returns:
        (...,) PSI, at least 0; NaN if the window or the reference has no rows.

    >>> float(psi(np.array([50, 50]), np.array([75, 25])).round(4))
    0.2747
    >>> psi(np.array([50, 50]), np.array([[1, 1], [10, 0], [0, 0]])).round(2)
    array([0. , 4.6, nan])
    """
    r, c = np.maximum(_shares(reference), EPSILON), np.maximum(_shares(current), EPSILON)
    total: NDArray[np.float64] = ((c - r) * np.log(c / r)).sum(axis=-1)
    return total


def ks_distance(below: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the Kolmogorov-Smirnov statistic of each window: the largest gap between two distribution functions.

        D = sup_x │F_ref(x) - F_cur(x)│

    The supremum is taken over the bin edges. F_ref is known from 200 quantiles, and exactly at the reference's bin
    edges. F_cur is counted at every edge, including an edge just above each value that several quantiles share.
    Between neighbouring edges, F_ref rises by at most 1/199, so D is off by **at most 1/199 ≈ 0.005**, plus the error
    of a quantile estimated from m rows (2/m).

    Args:
        below: (k,) share of the reference below each edge, ascending; or (..., k) for several columns.
        counts: (..., k + 1) counts in the bins between the edges.

    Returns:
        (...,) KS statistic in [0, 1]; NaN for a window without rows, 0 for a column without edges.

    >>> ks_distance(np.array([0.25, 0.5, 0.75]), np.array([[5, 5, 5, 5], [0, 5, 5, 10], [0, 0, 0, 0]]))
    array([0.  , 0.25,  nan])
    """
    total = counts.sum(axis=-1, keepdims=True, dtype=np.float64)
    share = counts[..., :-1].cumsum(axis=-1) / np.where(total > 0, total, np.nan)
    difference: NDArray[np.float64] = np.abs(share - below).max(axis=-1, initial=0.0)
    return np.where(total[..., 0] > 0, difference, np.nan)


def jensen_shannon(reference: NDArray[np.int64], current: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the Jensen-Shannon distance between each window's and the reference's shares of categories.

        D = √( ½ Σ r log₂(r / m) + ½ Σ c log₂(c / m) ),  m = (r + c) / 2

    The distance is a metric (D. Endres and J. Schindelin, "A new metric for probability distributions", IEEE Trans.
    Inf. Theory 49, 2003), and needs no minimum share for empty bins. It is 0 for equal shares, and 1 if no category
    occurs in both.

    Args:
        reference: (k,) count of each category in the reference, or (..., k) for several columns.
        current: (..., k) counts of the same categories in the current windows.

    Returns:
        (...,) distances in [0, 1]; NaN if the window or the reference has no rows.

    >>> jensen_shannon(np.array([5, 5]), np.array([[3, 3], [0, 9], [0, 0]])).round(3)
    array([0.   , 0.558,   nan])
    """
    r, c = _shares(reference), _shares(current)
    m = (r + c) / 2
    divergence = (_relative_entropy_terms(r, m).sum(axis=-1) + _relative_entropy_terms(c, m).sum(axis=-1)) / 2
    distance: NDArray[np.float64] = np.sqrt(np.clip(divergence, 0, 1))
    return distance


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the (..., k) shares of the counts; NaN if all counts are 0."""
    total = counts.sum(axis=-1, keepdims=True, dtype=np.float64)
    shares: NDArray[np.float64] = counts / np.where(total > 0, total, np.nan)
    return shares


def _relative_entropy_terms(shares: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the terms of Σ p log₂(p / m), where 0 log 0 counts as 0."""
    positive = shares > 0
    # A NaN share is not positive, so its ratio is 1, and the product below is NaN again.
    ratio = np.divide(shares, middle, out=np.ones(np.broadcast_shapes(shares.shape, middle.shape)), where=positive)
    return shares * np.log2(ratio)

"""Population stability index: how far shares of bins have moved from a frozen reference.

    PSI = Σ (c - r) ln(c / r)

over bins with shares r of the reference and c of the current window: Kullback-Leibler divergence in both directions
(Jeffreys 1946; in credit scoring since E. Lewis, "An Introduction to Credit Scoring", 1994). An empty bin would make it
infinite, so no share counts as less than `EPSILON`.
"""

import numpy as np
from numpy.typing import NDArray

#: Half a row in a window of 5,000: a bin of the reference that nothing comes into any more adds r ln(r / ε), 0.7 for a
#: tenth, and a stray row in a bin that the reference never had adds next to nothing.
EPSILON = 1e-4


def psi(reference: NDArray[np.int64], current: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (...,) the PSI of each window; at least 0, NaN of a window or a reference without rows.

    Args:
        reference: (k,) counts of each bin, or (..., k) of several columns.
        current: (..., k) counts of the same bins; leading axes are windows, and columns if there are several.

    >>> float(psi(np.array([50, 50]), np.array([75, 25])).round(4))
    0.2747
    >>> psi(np.array([50, 50]), np.array([[1, 1], [10, 0], [0, 0]])).round(2)
    array([0. , 4.6, nan])
    """
    r, c = _shares(reference), _shares(current)
    found: NDArray[np.float64] = ((c - r) * np.log(c / r)).sum(axis=-1)
    return found


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    total = counts.sum(axis=-1, keepdims=True, dtype=np.float64)
    return np.maximum(counts / np.where(total > 0, total, np.nan), EPSILON)

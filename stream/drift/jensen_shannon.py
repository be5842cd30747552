"""Jensen-Shannon distance: how far shares of categories have moved, in [0, 1].

    D = √( ½ Σ r log₂(r / m) + ½ Σ c log₂(c / m) ),  m = (r + c) / 2

A metric (D. Endres and J. Schindelin, "A new metric for probability distributions", IEEE Trans. Inf. Theory 49, 2003).
It needs no floor for empty bins: 0 for equal shares, 1 where no category is in both.
"""

import numpy as np
from numpy.typing import NDArray


def jensen_shannon(reference: NDArray[np.int64], current: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (...,) the distance of each window, in [0, 1]; NaN of a window or a reference without rows.

    Args:
        reference: (k,) counts of each category, or (..., k) of several columns.
        current: (..., k) counts of the same; leading axes are windows, and columns if there are several.

    >>> jensen_shannon(np.array([5, 5]), np.array([[3, 3], [0, 9], [0, 0]])).round(3)
    array([0.   , 0.558,   nan])
    """
    r, c = _shares(reference), _shares(current)
    m = (r + c) / 2
    divergence = (_relative(r, m).sum(axis=-1) + _relative(c, m).sum(axis=-1)) / 2
    found: NDArray[np.float64] = np.sqrt(np.clip(divergence, 0, 1))
    return found


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    total = counts.sum(axis=-1, keepdims=True, dtype=np.float64)
    shares: NDArray[np.float64] = counts / np.where(total > 0, total, np.nan)
    return shares


def _relative(shares: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each term of Σ p log₂(p / m); 0 log 0 is 0."""
    positive = shares > 0
    # Where NaN is, `positive` is false; it must come through all the same.
    ratio = np.divide(shares, middle, out=np.ones(np.broadcast_shapes(shares.shape, middle.shape)), where=positive)
    return shares * np.log2(ratio)

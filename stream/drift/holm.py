"""Holm's correction of many tests made at once.

S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979: the
smallest p-value times the number of tests, the next times one less, and so on, never falling. The chance of even one
wrong rejection below a level is at most that level, however the tests depend on each other.
"""

import numpy as np
from numpy.typing import NDArray


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (..., k) corrected p-values of k tests; those that are NaN were not made, and stay NaN.

    >>> holm(np.array([0.01, 0.04, np.nan, 0.03]))
    array([0.03, 0.06,  nan, 0.06])
    """
    order = np.argsort(p, axis=-1)  # NaN last
    tests = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    ranked = np.take_along_axis(p, order, axis=-1) * (tests - np.arange(p.shape[-1]))
    corrected = np.minimum(np.fmax.accumulate(ranked, axis=-1), 1.0)
    found = np.empty_like(p)
    np.put_along_axis(found, order, corrected, axis=-1)
    return np.where(np.isnan(p), np.nan, found)

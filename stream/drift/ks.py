"""Kolmogorov-Smirnov: the largest difference between two distribution functions, and what chance makes of it.

    D = sup_x │F_ref(x) - F_cur(x)│

F_ref is known from 200 quantiles, and exactly at the bin edges; F_cur is counted at each of these edges (and just
above values that several quantiles share). Between two neighbouring edges F_ref rises by 1/199 at most, so D is off by
**at most 1/199 ≈ 0.005**, and by what a quantile of m rows is off by itself (2/m).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Terms of either series, by which it has converged to a double's last digits on its side of `_MIDDLE`.
_TERMS = np.arange(1, 6)
_MIDDLE = 1.0


def ks_distance(below: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (...,) the KS statistic of each window, in [0, 1]; NaN of a window without rows.

    Args:
        below: (k,) share of the reference below each edge, ascending, or (..., k) of several columns.
        counts: (..., k + 1) of the bins that the edges make; leading axes are windows,
            and columns if there are several.

    >>> ks_distance(np.array([0.25, 0.5, 0.75]), np.array([[5, 5, 5, 5], [0, 5, 5, 10], [0, 0, 0, 0]]))
    array([0.  , 0.25,  nan])
    """
    total = counts.sum(axis=-1, keepdims=True, dtype=np.float64)
    share = counts[..., :-1].cumsum(axis=-1) / np.where(total > 0, total, np.nan)
    # Beside every edge, minus infinity: a column without edges has not moved.
    apart: NDArray[np.float64] = np.abs(share - below).max(axis=-1, initial=0.0)
    return np.where(total[..., 0] > 0, apart, np.nan)


def kolmogorov_p(distance: ArrayLike, n: ArrayLike, m: ArrayLike) -> NDArray[np.float64]:
    """Return the chance that two samples of one distribution are at least so far apart.

    Kolmogorov's distribution at λ = D (√e + 0.12 + 0.11 / √e), e = nm / (n + m) (M. Stephens, "Use of the
    Kolmogorov-Smirnov, Cramér-von Mises and related statistics without extensive tables", JRSS-B 32, 1970). Ties make
    the true chance smaller. Arguments broadcast; NaN where a sample is empty.

    Args:
        distance: In [0, 1].
        n: Rows of the one sample.
        m: Rows of the other.

    >>> kolmogorov_p([0.02, 0.1], 500, 100_000).round(6)
    array([9.87844e-01, 8.50000e-05])
    """
    d, n, m = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in (distance, n, m)))
    some = (n > 0) & (m > 0) & ~np.isnan(d)
    root = np.sqrt(np.where(some, n * m, 1) / np.where(some, n + m, 1))
    found: NDArray[np.float64] = np.where(some, _survival(np.where(some, d, 0) * (root + 0.12 + 0.11 / root)), np.nan)
    return found


def _survival(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Kolmogorov's P(K > x): 2 Σ (-1)^(k-1) e^(-2k²x²), or the theta function's other series where x is small.

    Feller, "On the Kolmogorov-Smirnov limit theorems for empirical distributions", Ann. Math. Stat. 19, 1948.
    """
    large = np.maximum(x, _MIDDLE)[..., None]
    tail = 2 * ((-1.0) ** (_TERMS - 1) * np.exp(-2 * _TERMS**2 * large**2)).sum(axis=-1)
    # Below 0.1 it is 1 to the last digit.
    small = np.clip(x, 0.1, _MIDDLE)
    odd = (2 * _TERMS - 1) * np.pi
    body = 1 - np.sqrt(2 * np.pi) / small * np.exp(-(odd**2) / (8 * small[..., None] ** 2)).sum(axis=-1)
    found: NDArray[np.float64] = np.where(x < _MIDDLE, body, tail)
    return found

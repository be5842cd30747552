"""What PSI does by chance alone: the χ² null.

Where nothing has moved, PSI / (1/n + 1/m) of n current and m reference rows in B bins follows χ² with B - 1 degrees of
freedom, roughly while each bin expects a few rows (B. Yurdakul and J. Naranjo, "Statistical properties of the
population stability index", Journal of Risk Model Validation 14, 2020).
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: A PSI that no window reaches: what chance makes of no rows.
_NEVER = 1e9
#: Halvings of the quantile's bracket: to a double's last digits.
_HALVINGS = 60


def psi_critical(bins: ArrayLike, n: ArrayLike, m: ArrayLike, level: float) -> NDArray[np.float64]:
    """Return the PSI that chance exceeds with a probability of `level`; beyond every PSI where a sample is empty.

    Arguments broadcast.

    Args:
        bins: That the reference has rows in; with one there is no chance, and 0 is returned.
        n: Rows of the current window.
        m: Rows of the reference.
        level: In (0, 1).

    >>> psi_critical(10, [500, 5000], 170_000, 0.01).round(4)
    array([0.0435, 0.0045])
    """
    freedom = np.asarray(bins) - 1
    quantiles = np.array([chi2_quantile(each, level) if each > 0 else 0.0 for each in freedom.ravel().tolist()])
    found: NDArray[np.float64] = np.where(freedom > 0, (_over(n) + _over(m)) * quantiles.reshape(freedom.shape), 0.0)
    return found


def _over(rows: ArrayLike) -> NDArray[np.float64]:
    counts = np.asarray(rows, dtype=np.float64)
    # Not infinity: times 0 it is none.
    found: NDArray[np.float64] = np.where(counts > 0, 1 / np.maximum(counts, 1), _NEVER)
    return found


@lru_cache(maxsize=1024)
def chi2_quantile(freedom: int, level: float) -> float:
    """Return the value that χ² exceeds with a probability of `level`.

    >>> round(chi2_quantile(9, 0.01), 3)
    21.666
    """
    low, high = 0.0, float(freedom)
    while chi2_survival(high, freedom) > level:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if chi2_survival(middle, freedom) > level else (low, middle)
    return (low + high) / 2


def chi2_survival(x: float, freedom: int) -> float:
    """Return P(χ² > x), by the finite sums for whole degrees of freedom (Abramowitz and Stegun, 26.4.4 and 26.4.5).

    Args:
        x: At least 0.
        freedom: At least 1.

    >>> round(chi2_survival(3.841, 1), 3), round(chi2_survival(21.666, 9), 3)
    (0.05, 0.01)
    """
    if x <= 0:
        return 1.0
    half = x / 2
    odd = freedom % 2
    found = math.erfc(math.sqrt(half)) if odd else 0.0
    # Each term is half^a e^-half / Γ(a + 1), for a = 0, 1, … or 1/2, 3/2, … below freedom / 2.
    for step in range(freedom // 2):
        a = step + odd / 2
        found += math.exp(a * math.log(half) - half - math.lgamma(a + 1))
    return min(found, 1.0)

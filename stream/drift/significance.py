"""p-values and critical values for the drift statistics, and the correction for multiple tests."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Number of terms in either series for Kolmogorov's distribution. After this many terms, each series has converged to
#: the last digits of a double on its side of `_SERIES_SWITCH`.
_TERMS = np.arange(1, 6)
_SERIES_SWITCH = 1.0
#: A PSI that no window reaches: the critical value for a sample without rows.
_NEVER = 1e9
#: Bisection steps for a χ² quantile, which give it to the last digits of a double.
_HALVINGS = 60
#: Difference in log probability below which two outcomes count as equally likely.
_ROUNDING = 1e-7


def kolmogorov_p(distance: ArrayLike, n: ArrayLike, m: ArrayLike) -> NDArray[np.float64]:
    """Return the probability that two samples from one distribution have a KS statistic at least this large.

    Evaluates Kolmogorov's distribution at λ = D (√e + 0.12 + 0.11 / √e), e = nm / (n + m) (M. Stephens, "Use of the
    Kolmogorov-Smirnov, Cramér-von Mises and related statistics without extensive tables", JRSS-B 32, 1970). Ties make
    the true probability smaller.

    Args:
        distance: KS statistic of the two samples, in [0, 1].
        n: Number of rows in one sample.
        m: Number of rows in the other sample.

    Returns:
        p-values in [0, 1], in the arguments' broadcast shape; NaN if a sample is empty.

    >>> kolmogorov_p([0.02, 0.1], 500, 100_000).round(6)
    array([9.87844e-01, 8.50000e-05])
    """
    d, n, m = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in (distance, n, m)))
    defined = (n > 0) & (m > 0) & ~np.isnan(d)
    root = np.sqrt(np.where(defined, n * m, 1) / np.where(defined, n + m, 1))
    argument = np.where(defined, d, 0) * (root + 0.12 + 0.11 / root)
    p: NDArray[np.float64] = np.where(defined, _kolmogorov_survival(argument), np.nan)
    return p


def _kolmogorov_survival(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Kolmogorov's P(K > x) as 2 Σ (-1)^(k-1) e^(-2k²x²), or by the theta function's other series for small x.

    W. Feller, "On the Kolmogorov-Smirnov limit theorems for empirical distributions", Ann. Math. Stat. 19, 1948.
    """
    large = np.maximum(x, _SERIES_SWITCH)[..., None]
    tail = 2 * ((-1.0) ** (_TERMS - 1) * np.exp(-2 * _TERMS**2 * large**2)).sum(axis=-1)
    # Below 0.1, the probability is 1 to the last digit.
    small = np.clip(x, 0.1, _SERIES_SWITCH)
    odd = (2 * _TERMS - 1) * np.pi
    body = 1 - np.sqrt(2 * np.pi) / small * np.exp(-(odd**2) / (8 * small[..., None] ** 2)).sum(axis=-1)
    survival: NDArray[np.float64] = np.where(x < _SERIES_SWITCH, body, tail)
    return survival


def psi_critical(bins: ArrayLike, n: ArrayLike, m: ArrayLike, level: float) -> NDArray[np.float64]:
    """Return the critical PSI, which is exceeded by chance with probability `level`.

    If nothing has drifted, PSI / (1/n + 1/m) for n current and m reference rows in B bins roughly follows χ² with B - 1
    degrees of freedom, as long as a few rows are expected in each bin (B. Yurdakul and J. Naranjo, "Statistical
    properties of the population stability index", Journal of Risk Model Validation 14, 2020).

    Args:
        bins: Number of bins in which the reference has rows.
        n: Number of rows in the current window.
        m: Number of rows in the reference.
        level: Probability of a false alarm, in (0, 1).

    Returns:
        Critical values in the arguments' broadcast shape: 0 for a single bin, in which PSI is always 0, and larger than
        any possible PSI if a sample is empty.

    >>> psi_critical(10, [500, 5000], 170_000, 0.01).round(4)
    array([0.0435, 0.0045])
    """
    freedom = np.asarray(bins) - 1
    quantiles = np.array([chi2_quantile(each, level) if each > 0 else 0.0 for each in freedom.ravel().tolist()])
    scale = _reciprocal(n) + _reciprocal(m)
    critical: NDArray[np.float64] = np.where(freedom > 0, scale * quantiles.reshape(freedom.shape), 0.0)
    return critical


def _reciprocal(rows: ArrayLike) -> NDArray[np.float64]:
    """Return 1 / rows, with a large number instead of infinity, since 0 times infinity is NaN."""
    counts = np.asarray(rows, dtype=np.float64)
    reciprocal: NDArray[np.float64] = np.where(counts > 0, 1 / np.maximum(counts, 1), _NEVER)
    return reciprocal


@lru_cache(maxsize=1024)
def chi2_quantile(freedom: int, level: float) -> float:
    """Return the value that χ² with `freedom` degrees of freedom exceeds with probability `level`.

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
    """Return P(χ² > x) from the finite sums for integer degrees of freedom (Abramowitz and Stegun, 26.4.4 and 26.4.5).

    Args:
        x: Value of χ², at least 0.
        freedom: Number of degrees of freedom, at least 1.

    >>> round(chi2_survival(3.841, 1), 3), round(chi2_survival(21.666, 9), 3)
    (0.05, 0.01)
    """
    if x <= 0:
        return 1.0
    half = x / 2
    odd = freedom % 2
    survival = math.erfc(math.sqrt(half)) if odd else 0.0
    # Each term is half^a e^-half / Γ(a + 1), for a = 0, 1, … or 1/2, 3/2, … below freedom / 2.
    for step in range(freedom // 2):
        a = step + odd / 2
        survival += math.exp(a * math.log(half) - half - math.lgamma(a + 1))
    return min(survival, 1.0)


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values corrected for k simultaneous tests by Holm's step-down procedure.

    The smallest p-value is multiplied by the number of tests, the next by that number minus 1, and so on; each result
    is raised to the previous result if it is smaller (S. Holm, "A simple sequentially rejective multiple test
    procedure", Scandinavian Journal of Statistics 6, 1979). The probability of even one false rejection at a level is
    at most that level under any dependence between the tests.

    Args:
        p: (..., k) p-values; NaN stands for a test that was not made.

    Returns:
        (..., k) corrected p-values; NaN stays NaN.

    >>> holm(np.array([0.01, 0.04, np.nan, 0.03]))
    array([0.03, 0.06,  nan, 0.06])
    """
    order = np.argsort(p, axis=-1)  # NaN last
    tests = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    ranked = np.take_along_axis(p, order, axis=-1) * (tests - np.arange(p.shape[-1]))
    by_rank = np.minimum(np.fmax.accumulate(ranked, axis=-1), 1.0)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, by_rank, axis=-1)
    return np.where(np.isnan(p), np.nan, corrected)


def binomial_p(successes: int, trials: int, probability: float) -> float:
    """Return the p-value of the exact two-sided binomial test.

    The p-value is the total probability of all outcomes that are no more likely than the observed outcome: the method
    of minimum likelihood, as in R's `binom.test` and scipy's `binomtest`. Time and memory are O(trials): 10 ms for
    200,000 trials.

    Args:
        successes: Number of observed successes, from 0 to `trials`.
        trials: Number of independent trials.
        probability: Probability of success under the null hypothesis, in [0, 1].

    Returns:
        The p-value, in [0, 1]; 1 if there are no trials.

    >>> round(binomial_p(15, 20, 0.5), 4)
    0.0414
    """
    if not 0 < probability < 1:
        return float(successes == trials * probability)
    k = np.arange(1, trials + 1)
    # ln of (n - k + 1) / k · p / (1 - p), the ratio of each outcome's probability to the previous outcome's.
    steps = np.log(trials - k + 1) - np.log(k) + math.log(probability) - math.log1p(-probability)
    logs = np.concatenate([[0.0], np.cumsum(steps)]) + trials * math.log1p(-probability)
    return min(float(np.exp(logs[logs <= logs[successes] + _ROUNDING]).sum()), 1.0)

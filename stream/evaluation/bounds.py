"""Bounds on a rate or a distribution with a given error probability alpha.

For X successes of n independent trials with probability p, and x ≥ p, P(X/n ≥ x) ≤ exp(-n·KL(x‖p)), and likewise for
x ≤ p (H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis based on the sum of observations",
1952; in this form W. Hoeffding, "Probability inequalities for sums of bounded random variables", 1963). For the
empirical distribution of n draws, P(sup|F̂ - F| > ε) ≤ 2·exp(-2·n·ε²) (P. Massart, "The tight constant in the
Dvoretzky-Kiefer-Wolfowitz inequality", 1990), even if F is evaluated only at a few points, as in a histogram.

The functions take `neg_log_alpha` = -ln(alpha) > 0 instead of alpha, so that tiny error probabilities stay precise.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

#: Bisection steps on an interval of length 1; they give a precision of 10⁻⁹, far below one success in any number of
#: trials that occurs here.
_HALVINGS = 30


def bernoulli_kl(x: NDArray[np.float64], p: float) -> NDArray[np.float64]:
    """Return the (n,) divergences KL(x‖p) of Bernoulli distributions, in nats; infinite where x is impossible under p.

    Args:
        x: (n,) success probabilities of the first distributions, in [0, 1].
        p: Success probability of the second distribution, in [0, 1].

    >>> bernoulli_kl(np.array([0.5, 0.0]), 0.25).round(4).tolist()
    [0.1438, 0.2877]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        success = np.where(x > 0, x * np.log(x / p), 0.0)
        failure = np.where(x < 1, (1 - x) * np.log((1 - x) / (1 - p)), 0.0)
    total: NDArray[np.float64] = success + failure
    return total


def upper_bound(rate: float, trials: float, neg_log_alpha: float) -> float:
    """Return the largest p under which a rate this low has a probability of alpha or more.

    The probability that the true p is above this bound is at most alpha.

    Args:
        rate: Observed successes divided by trials, in [0, 1].
        trials: Number of trials; without trials, the bound is 1.
        neg_log_alpha: -ln of the error probability.

    >>> round(upper_bound(0.0, 1000, math.log(20)), 4)
    0.003
    """
    return _turning_point(rate, 1.0, lambda p: trials * _scalar_kl(rate, p) < neg_log_alpha)


def lower_bound(rate: float, trials: float, neg_log_alpha: float) -> float:
    """Return the smallest p under which a rate this high has a probability of alpha or more."""
    return 1 - upper_bound(1 - rate, trials, neg_log_alpha)


def critical_rate(p: float, trials: float, neg_log_alpha: float) -> float:
    """Return the rate x ≥ p that n trials reach with a probability of at most alpha; 1.1 if no rate is that rare.

    >>> 0.1 < critical_rate(0.1, 1000, 10.0) < critical_rate(0.1, 100, 10.0) < 1
    True
    >>> critical_rate(0.9, 10, 10.0)
    1.1
    """
    if trials * _scalar_kl(1.0, p) < neg_log_alpha:
        return 1.1
    return _turning_point(p, 1.0, lambda x: trials * _scalar_kl(x, p) < neg_log_alpha)


def significantly_above(
    rates: NDArray[np.float64], trials: NDArray[np.int64], p: float, neg_log_alpha: float
) -> NDArray[np.bool_]:
    """Return (n,) whether each rate is above p and has a probability of at most alpha under p."""
    above: NDArray[np.bool_] = (rates > p) & (trials * bernoulli_kl(rates, p) >= neg_log_alpha)
    return above


def dkw_epsilon(neg_log_alpha: float, draws: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the (n,) errors ε that an empirical distribution exceeds with a probability of at most alpha.

    Args:
        neg_log_alpha: -ln of the error probability.
        draws: (n,) numbers of draws behind each empirical distribution.

    >>> dkw_epsilon(math.log(1000), np.array([1000])).round(3).tolist()
    [0.062]
    """
    epsilon: NDArray[np.float64] = np.sqrt((neg_log_alpha + math.log(2)) / (2 * np.maximum(draws, 1)))
    return epsilon


def _scalar_kl(x: float, p: float) -> float:
    if p in (0.0, 1.0):
        return 0.0 if x == p else math.inf
    success = x * math.log(x / p) if x > 0 else 0.0
    return success + ((1 - x) * math.log((1 - x) / (1 - p)) if x < 1 else 0.0)


def _turning_point(low: float, high: float, holds: Callable[[float], bool]) -> float:
    """Return the smallest point, found by bisection, at which `holds` is false; `holds` must be true at `low`."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high

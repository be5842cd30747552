"""How far a rate or a distribution may be from what it was, at a stated probability of being wrong about it.

For X successes of n independent trials with probability p, and x ≥ p, P(X/n ≥ x) ≤ exp(-n·KL(x‖p)); likewise for
x ≤ p (H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis based on the sum of observations",
1952; in this form W. Hoeffding, "Probability inequalities for sums of bounded random variables", 1963). For the
empirical distribution of n draws, P(sup|F̂ - F| > ε) ≤ 2·exp(-2·n·ε²) (P. Massart, "The tight constant in the
Dvoretzky-Kiefer-Wolfowitz inequality", 1990), also where F is looked at in a few points only, as in a histogram.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

#: Halvings of an interval of length 1: down to 10⁻⁹, far below one success in any number of trials here.
_HALVINGS = 30


def divergence(x: NDArray[np.float64], p: float) -> NDArray[np.float64]:
    """Return KL(x‖p) in nats between coins with heads x (n,) and p in [0, 1]; infinite where p rules x out.

    >>> divergence(np.array([0.5, 0.0]), 0.25).round(4).tolist()
    [0.1438, 0.2877]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        heads = np.where(x > 0, x * np.log(x / p), 0.0)
        tails = np.where(x < 1, (1 - x) * np.log((1 - x) / (1 - p)), 0.0)
    total: NDArray[np.float64] = heads + tails
    return total


def highest(rate: float, trials: float, log_odds: float) -> float:
    """Return the largest p under which a rate as low as this has a probability of exp(-log_odds) or more.

    The true p is above with at most that probability.

    Args:
        rate: Successes / trials, in [0, 1].
        trials: n; without any, nothing is known.
        log_odds: -ln of the probability of being wrong, above 0.

    >>> round(highest(0.0, 1000, math.log(20)), 4)
    0.003
    """
    return _turn(rate, 1.0, lambda p: trials * _nats(rate, p) < log_odds)


def lowest(rate: float, trials: float, log_odds: float) -> float:
    """Return the smallest p likewise: 1 - highest(1 - rate, …)."""
    return 1 - highest(1 - rate, trials, log_odds)


def ceiling(p: float, trials: float, log_odds: float) -> float:
    """Return the rate x ≥ p that n trials reach with a probability of at most exp(-log_odds); above 1: none.

    >>> 0.1 < ceiling(0.1, 1000, 10.0) < ceiling(0.1, 100, 10.0) < 1
    True
    >>> ceiling(0.9, 10, 10.0)
    1.1
    """
    if trials * _nats(1.0, p) < log_odds:
        return 1.1
    return _turn(p, 1.0, lambda x: trials * _nats(x, p) < log_odds)


def too_many(rates: NDArray[np.float64], trials: NDArray[np.int64], p: float, log_odds: float) -> NDArray[np.bool_]:
    """Return (n,) whether a rate is above p, and its probability at most exp(-log_odds)."""
    found: NDArray[np.bool_] = (rates > p) & (trials * divergence(rates, p) >= log_odds)
    return found


def distance(log_odds: float, draws: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (n,) the ε by which so many draws' distribution is off with a probability of at most exp(-log_odds).

    >>> distance(math.log(1000), np.array([1000])).round(3).tolist()
    [0.062]
    """
    epsilon: NDArray[np.float64] = np.sqrt((log_odds + math.log(2)) / (2 * np.maximum(draws, 1)))
    return epsilon


def _nats(x: float, p: float) -> float:
    if p in (0.0, 1.0):
        return 0.0 if x == p else math.inf
    heads = x * math.log(x / p) if x > 0 else 0.0
    return heads + ((1 - x) * math.log((1 - x) / (1 - p)) if x < 1 else 0.0)


def _turn(low: float, high: float, before: Callable[[float], bool]) -> float:
    """Return where a condition that holds at `low` and then no more turns; on the far side."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if before(middle) else (low, middle)
    return high

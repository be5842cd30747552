"""A sequential test of "the mean is at most 0" that may be evaluated after every cohort, indefinitely.

Bet against the hypothesis: with capital 1 and a bet λ in (0, 1), each value x in [-1, 1] multiplies the capital by
1 + λ x. If the mean given the past is at most 0, the capital is a nonnegative supermartingale, so the probability that
the capital ever reaches 1/alpha is at most alpha, however often it is checked (J. Ville, 1939). To test for a margin m,
bet on x - m, scaled into [-1, 1].

    K_t = 1/G Σ_g Π_{i ≤ t} (1 + λ_g x_i)

G constant bets run at once, with an equal share of the capital on each: "diversified Kelly betting" (dKelly; I.
Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86, 2024,
arXiv:2010.09686). No guess is needed before the first value, and the log capital is at most log G below the best bet's.

Each value summarises a whole cohort, because transactions within a cohort are not independent: frauds on one card are
caught or missed together, and one campaign hits several cards. A bet on each transaction or card would treat all of
them as independent (in simulation, with campaigns over ten cards, betting on cards promoted an equal model in 13 of 100
histories, and betting on cohorts in 1). The test only needs each cohort's mean, given the earlier cohorts, to be at
most 0.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: The bets λ_g. The best single bet is Σ x / Σ x², and increases the log capital by (Σ x)² / 2 Σ x². With values
#: bounded at 2.5 root mean squares, 300 values (a horizon of 3,000 frauds) have a Σ x² of about 48, so an effect that
#: needs a bet below 0.4 cannot be shown before the horizon. Additional smaller bets would only split the capital
#: further. All bets are below 1, so that no loss wipes out the capital.
BETS: Floats = np.geomspace(0.4, 0.96, 3)
#: Bisection steps on [-1, 1]; the result is far more precise than any difference in means that matters.
_HALVINGS = 30


def log_capital(values: Floats) -> Floats:
    """Return (..., n + 1) the logarithm of the capital before the first value and after each value.

    Args:
        values: (..., n) values to bet on, in [-1, 1] and in time order; leading axes are separate histories.

    Raises:
        ValueError: If a value is outside [-1, 1].

    >>> log_capital(np.array([0.5, 0.5, -0.5])).round(2).tolist()
    [0.0, 0.29, 0.58, 0.15]
    """
    if not (np.abs(values) <= 1).all():
        raise ValueError("values to bet on must be between -1 and 1; scale them first")
    gains = np.stack([np.log1p(bet * values) for bet in BETS])
    return _log_mean(np.concatenate([np.zeros((*gains.shape[:-1], 1)), np.cumsum(gains, axis=-1)], axis=-1))


def best_log_growth(values: Floats) -> float:
    """Return the increase in log capital that the best single bet would have achieved; at least 0.

    Args:
        values: (n,) values to bet on, in [-1, 1].

    >>> best_log_growth(np.array([-0.5, -0.5]))
    0.0
    """
    return max(0.0, *(float(np.log1p(bet * values).sum()) for bet in BETS))


def confidence_interval(values: Floats, alpha: float) -> tuple[float, float]:
    """Return a confidence interval for the mean of n values; each end is valid with probability at least 1 - alpha.

    A mean is rejected as too low when the capital from betting on a higher mean reaches 1/alpha, and as too high
    likewise. The probability covers all evaluations together, so the intervals form a confidence sequence. The lower
    end is above 0 exactly if the current capital in `log_capital` is at least 1/alpha.

    Args:
        values: (n,) values in [-1, 1].
        alpha: Error probability of each end, in (0, 1).

    >>> low, high = confidence_interval(np.tile([0.0, 0.5], 50), 0.05)
    >>> round(low, 2), round(high, 2)
    (0.18, 0.32)
    """
    enough = -math.log(alpha)
    return (
        _turning_point(lambda mean: _log_capital_above(values, mean) >= enough),
        -_turning_point(lambda mean: _log_capital_above(-values, mean) >= enough),
    )


def _log_capital_above(values: Floats, mean: float) -> float:
    """Return the log capital against "the mean is at most `mean`"; it decreases as `mean` grows."""
    # No value is more than 1 + |mean| below the mean, so no bet loses the whole capital.
    bets = BETS / (1 + abs(mean))
    return float(_log_mean(np.log1p(np.multiply.outer(bets, values - mean)).sum(axis=1)))


def _turning_point(rejected: Callable[[float], bool]) -> float:
    """Return the point in [-1, 1] below which `rejected` is true and above which it is false."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rejected(middle) else (low, middle)
    return low


def _log_mean(logs: Floats) -> Floats:
    """Return ln(mean(exp(logs))) over the first axis, computed without overflow."""
    highest = logs.max(axis=0)
    result: Floats = highest + np.log(np.exp(logs - highest).mean(axis=0))
    return result

"""Is a mean above 0? A test that may be looked at after every cohort, for ever.

Bet against "the mean is at most 0": with capital 1 and a bet λ in (0, 1), each value x in [-1, 1] multiplies the
capital by 1 + λ x. If the mean given the past is at most 0, the capital is a nonnegative supermartingale, so it ever
reaches 1/alpha with a chance of at most alpha, whenever one looks (J. Ville, 1939). For a margin m, bet on x - m,
scaled into [-1, 1].

    K_t = 1/G Σ_g Π_{i ≤ t} (1 + λ_g x_i)

G constant bets at once, an equal share of the capital on each: "diversified Kelly betting" (dKelly) of I. Waudby-Smith
and A. Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86, 2024, arXiv:2010.09686. It needs no
guess before the first value, and its share on the best bet is at most log G behind.

A value here is what a whole cohort says. Within a cohort nothing is independent: frauds of a card are caught or missed
together, cards are hit by one campaign. Bets on transactions or cards take each of them for news (in simulation, with
campaigns over ten cards, bets on cards promoted an equal model in 13 of 100 histories, bets on cohorts in 1). It is
enough that a cohort's mean is at most 0 given the cohorts before.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: The best bet is Σ x / Σ x², and makes the logarithm grow by (Σ x)² / 2 Σ x². With values bounded at 2.5 root mean
#: squares, 300 of them (a horizon of 3,000 frauds) have a Σ x² of some 48, so what needs a bet below 0.4 cannot be
#: shown before the horizon. More and smaller bets only share the capital with too many. Below 1, so that no loss is
#: final.
BETS: Floats = np.geomspace(0.4, 0.96, 3)
#: Halvings of [-1, 1]: far below any mean that matters.
_HALVINGS = 30


def log_capital(values: Floats) -> Floats:
    """Return (..., n + 1) the logarithm of the capital before the first and after each value.

    Args:
        values: (..., n) in [-1, 1], in order of time; leading axes are repetitions.

    Raises:
        ValueError: If a value is out of range.

    >>> log_capital(np.array([0.5, 0.5, -0.5])).round(2).tolist()
    [0.0, 0.29, 0.58, 0.15]
    """
    if not (np.abs(values) <= 1).all():
        raise ValueError("a value to bet on is not within -1 and 1")
    gains = np.stack([np.log1p(bet * values) for bet in BETS])
    return _log_mean(np.concatenate([np.zeros((*gains.shape[:-1], 1)), np.cumsum(gains, axis=-1)], axis=-1))


def growth(values: Floats) -> float:
    """Return the most that any one bet would have made the logarithm of the capital grow; at least 0.

    >>> growth(np.array([-0.5, -0.5]))
    0.0
    """
    return max(0.0, *(float(np.log1p(bet * values).sum()) for bet in BETS))


def confidence_interval(values: Floats, alpha: float) -> tuple[float, float]:
    """Return an interval for the mean of n values, each end of which holds with a chance of at least 1 - alpha.

    A mean is refuted from below when the capital of who bets that the true one is above it reaches 1/alpha, and
    likewise from above. That holds at any number of looks at once: a confidence sequence. The lower end is above 0
    just where the capital of `log_capital` is at least 1/alpha at this look.

    Args:
        values: (n,) in [-1, 1].
        alpha: In (0, 1), for each end.

    >>> low, high = confidence_interval(np.tile([0.0, 0.5], 50), 0.05)
    >>> round(low, 2), round(high, 2)
    (0.18, 0.32)
    """
    enough = -math.log(alpha)
    return (
        _edge(lambda mean: _above(values, mean) >= enough),
        -_edge(lambda mean: _above(-values, mean) >= enough),
    )


def _above(values: Floats, mean: float) -> float:
    """Return the logarithm of the capital against "the mean is at most `mean`", in [-1, 1]; falls as `mean` rises."""
    # No value lies further below it than 1 + |mean|, so no bet loses the whole capital.
    bets = BETS / (1 + abs(mean))
    return float(_log_mean(np.log1p(np.multiply.outer(bets, values - mean)).sum(axis=1)))


def _edge(refuted: Callable[[float], bool]) -> float:
    """Return where in [-1, 1] `refuted`, true below it and false above, changes."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def _log_mean(logs: Floats) -> Floats:
    """Return the logarithm of the mean over the first axis of what these are the logarithms of."""
    highest = logs.max(axis=0)
    result: Floats = highest + np.log(np.exp(logs - highest).mean(axis=0))
    return result

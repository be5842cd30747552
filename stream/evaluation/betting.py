"""Is a mean above 0? A test that may be looked at after every cohort, for ever.

Bet against "the mean is at most 0": with capital 1 and a bet λ in (0, 1), each value x in [-1, 1] multiplies the capital
by 1 + λ x. If the mean given the past is at most 0, the capital is a nonnegative supermartingale, so it ever reaches 1/α
with a chance of at most α, whenever one looks (J. Ville, 1939). For a margin m, bet on x - m, scaled into [-1, 1].

    K_t = 1/G Σ_g Π_{i ≤ t} (1 + λ_g x_i)

G constant bets at once, an equal share of the capital on each: "diversified Kelly betting" (dKelly) of I. Waudby-Smith
and A. Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 86, 2024, arXiv:2010.09686. It needs no
guess before the first value, and its share on the best bet is at most log G behind.

Constant bets are chosen here for one more reason: a cohort holds many independent values whose means differ. With one
bet for all of them, E Π (1 + λ x_j) = Π (1 + λ μ_j) ≤ (1 + λ · mean μ)ⁿ ≤ 1 by the inequality of arithmetic and geometric
means: it is enough that the cohort's mean is at most 0. A bet that moves within the cohort would need it of every value.
Nor does the order of values within a cohort matter.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: From bets for a hundred values that nearly cancel out to all but the whole capital; below 1, so that no loss is final.
BETS: Floats = np.geomspace(1 / 64, 0.96, 13)
#: Halvings of [-1, 1]: far below any mean that matters.
_HALVINGS = 60


def log_capital(values: Floats, ends: Sequence[int]) -> Floats:
    """Return (..., c) the logarithm of the capital after each of c cohorts, against "the mean is at most 0".

    Args:
        values: (..., n) in [-1, 1], in order of cohorts; leading axes are repetitions. Zeros neither win nor lose, and
            may be left out.
        ends: (c,) how many values there are up to the end of each cohort; does not fall.

    Raises:
        ValueError: If a value is out of range.

    >>> log_capital(np.array([0.5, 0.5, -0.5, 0.5, 0.5, 0.5]), [3, 6]).round(2).tolist()
    [0.07, 0.5]
    """
    if not (np.abs(values) <= 1).all():
        raise ValueError("a value to bet on is not within -1 and 1")
    gains = np.stack([np.log1p(bet * values) for bet in BETS])
    total = np.concatenate([np.zeros((*gains.shape[:-1], 1)), np.cumsum(gains, axis=-1)], axis=-1)
    return _log_mean(total[..., list(ends)])


def growth(values: Floats) -> float:
    """Return the most that any one bet would have made the logarithm of the capital grow; at least 0.

    >>> growth(np.array([-0.5, -0.5]))
    0.0
    """
    return max(0.0, *(float(np.log1p(bet * values).sum()) for bet in BETS))


def confidence_interval(values: Floats, zeros: int, alpha: float) -> tuple[float, float]:
    """Return a confidence interval of the mean of n values and of `zeros` more that are 0.

    Hedged: half of the capital bets that the mean is above m, half that it is below; m is out when either half alone
    makes the whole reach 1/α. So of intervals at any number of looks all hold the mean at once, with a chance of at
    least 1 - α: a confidence sequence, whichever look is reported.

    Args:
        values: (n,) in [-1, 1], those that are not 0.
        zeros: How many are 0.
        alpha: In (0, 1).

    >>> low, high = confidence_interval(np.full(50, 0.5), 50, 0.05)
    >>> round(low, 2), round(high, 2)
    (0.11, 0.39)
    """
    enough = math.log(2 / alpha)
    return (
        _edge(lambda mean: _half(values, zeros, mean) >= enough, -1.0, 1.0),
        -_edge(lambda mean: _half(-values, zeros, mean) >= enough, -1.0, 1.0),
    )


def _half(values: Floats, zeros: int, mean: float) -> float:
    """Return the logarithm of the capital against "the mean is at most `mean`", in [-1, 1]."""
    # A value may lie 2 below the mean: halved bets still never lose the whole capital.
    bets = BETS[:, np.newaxis] / 2
    return float(_log_mean(np.log1p(bets * (values - mean)).sum(axis=1) + zeros * np.log1p(-bets[:, 0] * mean)))


def _edge(refuted: Callable[[float], bool], low: float, high: float) -> float:
    """Return where `refuted`, true below it and false above, changes."""
    if not refuted(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low


def _log_mean(logs: Floats) -> Floats:
    """Return the logarithm of the mean over the first axis of what these are the logarithms of."""
    highest = logs.max(axis=0)
    result: Floats = highest + np.log(np.exp(logs - highest).mean(axis=0))
    return result

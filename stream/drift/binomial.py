"""The exact two-sided binomial test.

Its p-value is the chance of all results that are no likelier than the one observed (the method of minimum likelihood,
as R's and scipy's `binomtest`).
"""

import math

import numpy as np

#: Results that are as likely but for rounding count as equally likely.
_ROUNDING = 1e-7


def binomial_p(successes: int, trials: int, probability: float) -> float:
    """Return the p-value of so many successes; 1 without a trial. Takes time and memory O(trials): 10 ms for 200,000.

    Args:
        successes: From 0 to `trials`.
        trials: Independent ones.
        probability: Of each success, in [0, 1].

    >>> round(binomial_p(15, 20, 0.5), 4)
    0.0414
    """
    if not 0 < probability < 1:
        return float(successes == trials * probability)
    k = np.arange(1, trials + 1)
    # ln of (n - k + 1) / k · p / (1 - p): each result beside the one before.
    steps = np.log(trials - k + 1) - np.log(k) + math.log(probability) - math.log1p(-probability)
    logs = np.concatenate([[0.0], np.cumsum(steps)]) + trials * math.log1p(-probability)
    return min(float(np.exp(logs[logs <= logs[successes] + _ROUNDING]).sum()), 1.0)

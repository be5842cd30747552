"""A check of the gate's assumption that cohorts do not predict each other."""

import numpy as np
from numpy.typing import NDArray

#: Number of cohorts in a run: a week, if a cohort is a day.
RUN = 7


def variance_ratio(values: NDArray[np.float64]) -> float:
    """Return how much more the sums of `RUN` consecutive cohorts vary than those of independent cohorts would.

    This is the variance of the sums of q consecutive values, divided by q times the variance of one value. It is
    taken over all runs of q values, and unbiased if the values are independent (A. Lo and C. MacKinlay, "Stock market
    prices do not follow random walks", Review of Financial Studies 1, 1988). The ratio is about 1 if cohorts are
    independent, and above 1 if a campaign of frauds lasts for several cohorts.

    Args:
        values: (n,) values, one for each cohort, in time order.

    Returns:
        The ratio, at least 0; NaN for fewer than 2 · `RUN` values, and 1 if the values do not vary.

    >>> random = np.random.default_rng(0)
    >>> round(variance_ratio(random.normal(size=500)), 1)
    0.9
    >>> round(variance_ratio(np.repeat(random.normal(size=100), 5)), 1)
    3.8
    """
    count = len(values)
    if count < 2 * RUN:
        return float("nan")
    about_mean = values - values.mean()
    single = float(about_mean @ about_mean) / (count - 1)
    if single < np.finfo(np.float64).eps:
        return 1.0
    sums = np.convolve(about_mean, np.ones(RUN), "valid")
    return float(sums @ sums) / (RUN * len(sums) * (1 - RUN / count)) / single

"""A check that cohorts do not predict each other, which the gate's test assumes."""

import numpy as np
from numpy.typing import NDArray

#: Cohorts in a run: a week, if a cohort is a day.
RUN = 7


def variance_ratio(values: NDArray[np.float64]) -> float:
    """Return how much more runs of `RUN` cohorts vary than runs of independent cohorts would.

    It is the variance of sums of q neighbours / (q · variance of one), over all runs of q, unbiased for independent
    values (A. Lo and C. MacKinlay, "Stock market prices do not follow random walks", Review of Financial Studies 1,
    1988). It is about 1 if cohorts are independent, and above 1 if a campaign of frauds lasts for several cohorts.

    Args:
        values: (n,) one value for each cohort, in order.

    Returns:
        At least 0; NaN for fewer than 2 · `RUN` values, 1 if the values do not vary.

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

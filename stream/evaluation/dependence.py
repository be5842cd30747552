"""Whether cohorts foretell each other, which the test takes for granted that they do not."""

import numpy as np
from numpy.typing import NDArray

#: Cohorts in a run: a week of days.
RUN = 7


def variance_ratio(values: NDArray[np.float64]) -> float:
    """Return how much more runs of `RUN` cohorts vary than they would if each cohort were news; NaN below 2 · RUN.

    Variance of sums of q neighbours / (q · variance of one), over all runs of q, without bias for independent values:
    A. Lo and C. MacKinlay, "Stock market prices do not follow random walks", Review of Financial Studies 1, 1988.
    About 1 where cohorts are independent, above where a campaign of frauds lasts for several of them and what is news
    on its first day is old on the next. 1 where nothing varies.

    Args:
        values: (n,) what each cohort says, in order.

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
    one = float(about_mean @ about_mean) / (count - 1)
    if one < np.finfo(np.float64).eps:
        return 1.0
    sums = np.convolve(about_mean, np.ones(RUN), "valid")
    return float(sums @ sums) / (RUN * len(sums) * (1 - RUN / count)) / one

"""Bootstrap metrics: measure how they vary over resamples of the transactions."""

import numpy as np

from schemas.manifest import Metric
from training.evaluation.additive_figures import AdditiveFigures, Floats

#: Number of resamples, enough for the ends of a 95% interval (B. Efron and R. Tibshirani, "An Introduction to the
#: Bootstrap", 1993).
RESAMPLES = 1000
#: The default seed is fixed, so that the same scores give the same interval.
SEED = 0
_INTERVAL = (0.025, 0.975)
#: Number of bytes of weights, or of sums, processed at a time, about the size of a processor cache.
_BLOCK_BYTES = 16 << 20


def resample(group: AdditiveFigures, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Floats]:
    """Return the values (resamples,) of each metric on resamples of the n transactions.

    Rows are drawn with replacement (B. Efron, 1979), and the weight of a row is the number of times that it was drawn.
    The metrics depend on weighted sums only, so no row is copied or sorted again. The draws depend only on n and the
    seed, so all metrics of a group are evaluated on the same resamples, and comparisons between them are paired.

    Args:
        group: Metrics of n transactions.
        resamples: Number of resamples.
        seed: Seed of the draws.
    """
    sums, rows = group.terms.shape
    random = np.random.default_rng(seed)
    block = max(1, _BLOCK_BYTES // (8 * max(sums, rows)))
    drawn = [
        group.figures(group.terms @ _weights(random, rows, min(block, resamples - start)))
        for start in range(0, resamples, block)
    ]
    return {name: np.concatenate([figures[name] for figures in drawn]) for name in drawn[0]}


def interval(value: float, draws: Floats) -> Metric:
    """Return a metric with the 95% percentile interval of its values (b,) on resamples.

    On simulated data sets with 60 frauds, the interval contains the true value in 92 to 95 out of 100 cases for metrics
    based on counts, PR-AUC and calibration, but in only about 82 for metrics based on amounts (log-normal, sigma 1.5)
    and for a ROC-AUC near 1, whose intervals are too narrow.

    Resamples on which the metric is undefined (NaN), such as recall without frauds, are left out. The ends of the
    interval are NaN if the metric is undefined on all resamples.
    """
    defined = draws[~np.isnan(draws)]
    low, high = np.quantile(defined, _INTERVAL) if len(defined) else (np.nan, np.nan)
    return Metric(value, float(low), float(high))


def _weights(random: np.random.Generator, rows: int, resamples: int) -> Floats:
    """Return the number of times (rows, resamples) that each row is drawn."""
    drawn = random.integers(rows, size=(resamples, rows))
    drawn += np.arange(resamples)[:, np.newaxis] * rows
    counts = np.bincount(drawn.ravel(), minlength=rows * resamples)
    return np.ascontiguousarray(counts.reshape(resamples, rows).T, dtype=np.float64)

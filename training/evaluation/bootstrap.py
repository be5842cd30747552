"""The bootstrap: how figures vary over resamples of the transactions."""

import numpy as np

from schemas.manifest import Metric
from training.evaluation.additive_figures import AdditiveFigures, Floats

#: Enough for the ends of a 95 % interval (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993).
RESAMPLES = 1000
#: Fixed, so that the same scores give the same interval.
SEED = 0
_INTERVAL = (0.025, 0.975)
#: Bytes of weights, or of sums, at a time; about the size of a processor's cache.
_BLOCK_BYTES = 16 << 20


def resample(group: AdditiveFigures, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Floats]:
    """Return each figure, (resamples,), on resamples of all n transactions with replacement.

    Rows are drawn with replacement (B. Efron, 1979), and the counts of each row are its weights. The figures depend on
    weighted sums only, so no row is copied or sorted again. The draws depend on n and the seed only: figures of one
    group are evaluated on the same resamples, which makes a comparison of them paired.

    Args:
        group: Figures over n transactions.
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
    """Return a figure with the 95 % percentile interval of its resamples (b,).

    On simulated data with 60 frauds it covers the truth in 92 to 95 of 100 data sets for figures of counts, PR-AUC and
    calibration, but only in about 82 for figures of amounts (log-normal, sigma 1.5) and for a ROC-AUC near 1: those
    intervals are too narrow.

    Resamples in which the figure is undefined (NaN), such as the recall without a fraud, are left out. The ends are NaN
    if it is undefined in all of them.
    """
    defined = draws[~np.isnan(draws)]
    low, high = np.quantile(defined, _INTERVAL) if len(defined) else (np.nan, np.nan)
    return Metric(value, float(low), float(high))


def _weights(random: np.random.Generator, rows: int, resamples: int) -> Floats:
    """Return (rows, resamples) how often each row is drawn."""
    drawn = random.integers(rows, size=(resamples, rows))
    drawn += np.arange(resamples)[:, np.newaxis] * rows
    counts = np.bincount(drawn.ravel(), minlength=rows * resamples)
    return np.ascontiguousarray(counts.reshape(resamples, rows).T, dtype=np.float64)

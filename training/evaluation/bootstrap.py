"""The bootstrap: how figures vary over transactions that might as well have happened."""

import numpy as np

from schemas.manifest import Metric
from training.evaluation.additive_figures import AdditiveFigures, Floats

#: Enough for the ends of a 95 % interval (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993).
RESAMPLES = 1000
#: Fixed, so that the same scores give the same interval.
SEED = 0
_INTERVAL = (0.025, 0.975)
#: Memory for weights, or for sums, at a time: stays within a processor's cache or near it.
_BLOCK_BYTES = 16 << 20


def resample(tally: AdditiveFigures, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Floats]:
    """Return each figure on resamples of all n transactions with replacement, (resamples,).

    Drawing rows (B. Efron, 1979) and counting how often each was drawn gives weights; the figures depend on the
    weighted sums alone, so no row is copied or sorted again. The draws depend on n and the seed only: figures that
    share a tally see the same resamples, which is what makes a paired comparison paired.
    """
    sums, rows = tally.terms.shape
    random = np.random.default_rng(seed)
    block = max(1, _BLOCK_BYTES // (8 * max(sums, rows)))
    drawn = [
        tally.figures(tally.terms @ _weights(random, rows, min(block, resamples - start)))
        for start in range(0, resamples, block)
    ]
    return {name: np.concatenate([figures[name] for figures in drawn]) for name in drawn[0]}


def interval(value: float, draws: Floats) -> Metric:
    """Return a figure with the 95 % percentile interval of its resamples (b,).

    Measured on simulated data with 60 frauds: it covers the truth in 92 to 95 of 100 data sets for figures of counts,
    PR-AUC and calibration, but in some 82 for those of amounts (log-normal, sigma 1.5) and for a ROC-AUC near 1: read
    these as too narrow.

    Resamples without a single fraud have no recall; such draws are NaN and left out. NaN where none is left.
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

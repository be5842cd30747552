"""Offline figures of a model, each with a 95 % bootstrap interval."""

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Metric
from training.models.families import Labels

RESAMPLES = 5000
#: Fixed, so that the same scores give the same interval.
SEED = 0
_INTERVAL = (0.025, 0.975)

Floats = NDArray[np.float64]


def evaluate(scores: NDArray[np.float32], labels: Labels, threshold: float) -> dict[str, Metric]:
    """Measure scores (n,) against labels (n,).

    `pr_auc` (average precision) and `roc_auc` judge the ranking; `precision`, `recall` and `f1` judge alerting at
    `threshold`.

    Intervals are percentiles over `RESAMPLES` resamples of all n rows with replacement (B. Efron, 1979). All five
    figures depend only on how many frauds and legitimate rows stand at each step of the ranking, so whole steps are
    drawn from a multinomial: the same distribution as drawing rows, without touching n rows each time.
    """
    frauds, legitimate, alerted = _steps(scores, labels, threshold)
    values = _figures(frauds[np.newaxis], legitimate[np.newaxis], alerted)
    counts = np.concatenate([frauds, legitimate])
    drawn = np.random.default_rng(SEED).multinomial(len(scores), counts / len(scores), size=RESAMPLES)
    resampled = _figures(drawn[:, : len(frauds)].astype(float), drawn[:, len(frauds) :].astype(float), alerted)
    metrics = {}
    for name, value in values.items():
        # A resample without a single fraud has no recall; such draws say nothing and are left out.
        low, high = np.nanquantile(resampled[name], _INTERVAL)
        metrics[name] = Metric(float(value[0]), float(low), float(high))
    return metrics


def _steps(scores: NDArray[np.float32], labels: Labels, threshold: float) -> tuple[Floats, Floats, int]:
    """Count frauds and legitimate rows at each step of the ranking, best score first.

    Equal scores are one step. Neighbouring steps without frauds are merged, which changes none of the figures;
    never across the threshold.

    Returns:
        Frauds (k,), legitimate rows (k,), and how many steps reach the threshold.
    """
    distinct, position = np.unique(-scores.astype(np.float64), return_inverse=True)
    frauds = np.bincount(position, weights=labels, minlength=len(distinct))
    legitimate = np.bincount(position, weights=1 - labels, minlength=len(distinct))
    alerted = int(np.searchsorted(distinct, -threshold, side="right"))
    starts = np.ones(len(distinct), dtype=bool)
    starts[1:] = (frauds[1:] > 0) | (frauds[:-1] > 0)
    if alerted < len(distinct):
        starts[alerted] = True
    first = np.flatnonzero(starts)
    return np.add.reduceat(frauds, first), np.add.reduceat(legitimate, first), int(starts[:alerted].sum())


def _figures(frauds: Floats, legitimate: Floats, alerted: int) -> dict[str, Floats]:
    """Return each figure for b rankings of k steps: (b, k) counts to (b,) values, NaN where undefined."""
    caught, false_alarms = np.cumsum(frauds, axis=1), np.cumsum(legitimate, axis=1)
    all_frauds, all_legitimate = caught[:, -1], false_alarms[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision_at = np.nan_to_num(caught / (caught + false_alarms))
        pr_auc = np.sum(frauds * precision_at, axis=1) / all_frauds
        # Each fraud beats the legitimate rows below its step, and half of those on it.
        beaten = all_legitimate[:, np.newaxis] - false_alarms + legitimate / 2
        roc_auc = np.sum(frauds * beaten, axis=1) / (all_frauds * all_legitimate)
        true_alerts = frauds[:, :alerted].sum(axis=1)
        alerts = true_alerts + legitimate[:, :alerted].sum(axis=1)
        recall = true_alerts / all_frauds
        # Of no alerts none was wrong; zero is the cautious convention.
        precision = np.where(alerts > 0, true_alerts / alerts, 0.0)
        f1 = 2 * true_alerts / (alerts + all_frauds)
    return {"pr_auc": pr_auc, "roc_auc": roc_auc, "precision": precision, "recall": recall, "f1": f1}

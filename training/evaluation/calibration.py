"""Measure calibration: whether a score of 0.2 means fraud in two out of ten transactions."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from schemas.manifest import Metric
from training.evaluation.additive_figures import AdditiveFigures, Floats
from training.evaluation.bootstrap import RESAMPLES, SEED, interval
from training.evaluation.scored_rows import ScoredRows

#: Inner bin edges of the calibration curve, two per decade, because nearly all scores are close to zero.
_EDGES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9)


@dataclass(frozen=True)
class CalibrationBin:
    """Transactions with similar scores."""

    rows: int
    frauds: int
    #: In [0, 1].
    mean_score: float
    #: Share of frauds in the bin. Without frauds, the interval has no width, because resamples contain none either.
    fraud_rate: Metric


def calibration_figures(scored: ScoredRows) -> AdditiveFigures:
    """Return the metrics `brier` and `mean_score_ratio`.

    `brier` is the mean of (score - label)², at best 0 (G. Brier, 1950). `mean_score_ratio` is the mean score divided by
    the fraud rate: 1 if scores are right on average, above 1 if they are too high.
    """
    scores, labels = scored.scores.astype(np.float64), scored.labels.astype(np.float64)
    terms = (np.ones(len(scored)), labels, scores, (scores - labels) ** 2)
    return AdditiveFigures(csr_array(np.stack(terms)), _figures)


def calibration_curve(scored: ScoredRows, resamples: int = RESAMPLES) -> list[CalibrationBin]:
    """Return the bins that contain transactions, lowest scores first.

    Resampling rows draws the frauds and legitimate rows of all bins from one multinomial distribution; drawing from it
    directly is fast.
    """
    bins = np.digitize(scored.scores, _EDGES)
    rows = np.bincount(bins, minlength=len(_EDGES) + 1)
    frauds = np.bincount(bins[scored.labels == 1], minlength=len(rows))
    mean_score = np.bincount(bins, weights=scored.scores, minlength=len(rows)) / np.maximum(rows, 1)
    probabilities = np.concatenate([frauds, rows - frauds]) / len(scored)
    drawn = np.random.default_rng(SEED).multinomial(len(scored), probabilities, size=resamples)
    drawn_frauds, drawn_legitimate = np.split(drawn, 2, axis=1)
    with np.errstate(invalid="ignore"):
        rates = drawn_frauds / (drawn_frauds + drawn_legitimate)
    return [
        CalibrationBin(
            int(rows[i]), int(frauds[i]), float(mean_score[i]), interval(float(frauds[i] / rows[i]), rates[:, i])
        )
        for i in np.flatnonzero(rows)
    ]


def _figures(sums: Floats) -> dict[str, Floats]:
    rows, frauds, score, squared_error = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"brier": squared_error / rows, "mean_score_ratio": np.where(frauds > 0, score / frauds, np.nan)}

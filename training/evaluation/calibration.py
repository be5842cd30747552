"""Whether a score of 0.2 means fraud in two of ten: Brier score, mean score, calibration curve."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from schemas.manifest import Metric
from training.evaluation.additive_figures import AdditiveFigures, Floats
from training.evaluation.bootstrap import RESAMPLES, SEED, interval
from training.evaluation.scored_rows import ScoredRows

#: Inner edges of the curve's bins: two a decade, for nearly all scores are near zero.
_EDGES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9)


@dataclass(frozen=True)
class CalibrationBin:
    """Transactions of like score."""

    rows: int
    frauds: int
    #: In [0, 1].
    mean_score: float
    #: Share of frauds; its interval has no width where the bin holds no fraud, for resamples hold none either.
    fraud_rate: Metric


def calibration_figures(scored: ScoredRows) -> AdditiveFigures:
    """AdditiveFigures `brier` and `mean_score_ratio`.

    brier is the mean of (score - label)², 0 at best (G. Brier, 1950). mean_score_ratio is mean score / fraud rate: 1
    where scores are right on average, above where the model is too alarmed.
    """
    scores, labels = scored.scores.astype(np.float64), scored.labels.astype(np.float64)
    terms = (np.ones(len(scored)), labels, scores, (scores - labels) ** 2)
    return AdditiveFigures(csr_array(np.stack(terms)), _figures)


def calibration_curve(scored: ScoredRows, resamples: int = RESAMPLES) -> list[CalibrationBin]:
    """Return the bins that hold transactions, lowest scores first.

    Resampling rows draws each bin's frauds and legitimate rows from one multinomial; drawn directly, that is fast.
    """
    bins = np.digitize(scored.scores, _EDGES)
    rows = np.bincount(bins, minlength=len(_EDGES) + 1)
    frauds = np.bincount(bins[scored.labels == 1], minlength=len(rows))
    mean_score = np.bincount(bins, weights=scored.scores, minlength=len(rows)) / np.maximum(rows, 1)
    chances = np.concatenate([frauds, rows - frauds]) / len(scored)
    drawn = np.random.default_rng(SEED).multinomial(len(scored), chances, size=resamples)
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

"""The label-free estimate is right as long as P(label│input) is unchanged, and blind to concept drift."""

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.drift.label_free import LabelFreeEstimate, calibration_p, estimate

ROWS = 400_000
THRESHOLD = 0.3


def scores(shift: float = 0.0) -> NDArray[np.float64]:
    """Return calibrated scores for inputs whose margin has shifted by `shift`."""
    margin = np.random.default_rng(0).normal(-5 + shift, 2, size=ROWS)
    return 1 / (1 + np.exp(-margin))


def estimated(all_scores: NDArray[np.float64]) -> LabelFreeEstimate:
    """Return the estimate of precision and recall, computed from the sums that a drift report contains."""
    alerts = all_scores >= THRESHOLD
    return estimate(float(all_scores.sum()), float(all_scores[alerts].sum()), int(alerts.sum()))


def true_figures(all_scores: NDArray[np.float64], frauds: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the true precision and recall, computed from labels."""
    alerts = all_scores >= THRESHOLD
    return float(frauds[alerts].mean()), float(frauds[alerts].sum() / frauds.sum())


@pytest.mark.parametrize("shift", [0.0, 1.0, -1.0])
def test_it_follows_data_drift(shift: float) -> None:
    """Under data drift, the estimate stays close to the truth, because the scores are calibrated."""
    drawn = scores(shift)
    frauds = np.random.default_rng(1).uniform(size=ROWS) < drawn
    result = estimated(drawn)
    assert (result.precision, result.recall) == pytest.approx(true_figures(drawn, frauds), abs=0.02)


def test_it_does_not_see_concept_drift() -> None:
    """If half of the frauds move to other inputs but the inputs stay the same, the estimate does not change."""
    drawn, rng = scores(), np.random.default_rng(1)
    frauds = rng.uniform(size=ROWS) < drawn / 2
    frauds |= rng.uniform(size=ROWS) < drawn.mean() / 2
    result = estimated(drawn)
    assert result.precision is not None
    assert result.recall is not None
    precision, recall = true_figures(drawn, frauds)
    assert result.precision > 1.7 * precision
    assert result.recall > 1.7 * recall


def test_without_alerts_or_scores_there_is_no_estimate() -> None:
    """Without alerts or scores, the estimate is None, and nothing is divided by zero."""
    assert estimate(3.0, 0.0, 0) == LabelFreeEstimate(None, 0.0)
    assert estimate(0.0, 0.0, 0) == LabelFreeEstimate(None, None)


def test_calibration_is_tested_on_matured_frauds() -> None:
    """The conservative calibration test accepts calibrated scores and rejects scores that are twice as high."""
    drawn, rng = scores()[:50_000], np.random.default_rng(2)
    mean = float(drawn.mean())
    p_values = [calibration_p(mean, len(drawn), int((rng.uniform(size=len(drawn)) < drawn).sum())) for _ in range(100)]
    assert sum(p < 0.05 for p in p_values) <= 5
    assert calibration_p(2 * mean, len(drawn), int((rng.uniform(size=len(drawn)) < drawn).sum())) < 1e-6

"""Calibrated scores are probabilities of fraud."""

import numpy as np
import pytest

from training.models.calibrate import fit_calibration


@pytest.mark.parametrize("kind", ["log_odds", "probability"])
def test_calibration_recovers_the_true_probabilities(kind: str) -> None:
    """Calibration turns log odds that are too large by a factor of two back into the true probabilities."""
    random = np.random.default_rng(0)
    true_odds = random.normal(-2, 2, 50_000)
    probability = 1 / (1 + np.exp(-true_odds))
    labels = (random.random(50_000) < probability).astype(np.int8)
    overconfident = 2 * true_odds if kind == "log_odds" else 1 / (1 + np.exp(-2 * true_odds))
    calibration = fit_calibration(overconfident, labels, "log_odds" if kind == "log_odds" else "probability")
    scores = calibration.apply(overconfident)
    assert scores.mean() == pytest.approx(labels.mean(), rel=0.01)
    assert np.abs(scores - probability).mean() < 0.01


def test_the_mean_score_is_right_for_one_fraud_in_six_hundred_rows() -> None:
    """The mean score is within a thousandth of the share of fraud, unlike with a solver tuned for even classes."""
    random = np.random.default_rng(0)
    labels = (random.random(60_000) < 1 / 600).astype(np.int8)
    margin = random.normal(size=60_000) * 3 + 8 * labels
    scores = fit_calibration(margin, labels, "log_odds").apply(margin)
    assert scores.mean() == pytest.approx(labels.mean(), rel=1e-3)

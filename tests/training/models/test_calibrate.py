"""Calibrated scores are the chances they stand for."""

import numpy as np
import pytest

from training.models.calibrate import fit_calibration


@pytest.mark.parametrize("kind", ["log_odds", "probability"])
def test_calibration_finds_the_true_chances(kind: str) -> None:
    """Margins that are twice too sure come out as the chances they stand for, and never above 1."""
    random = np.random.default_rng(0)
    true_odds = random.normal(-2, 2, 50_000)
    chance = 1 / (1 + np.exp(-true_odds))
    labels = (random.random(50_000) < chance).astype(np.int8)
    sure = 2 * true_odds if kind == "log_odds" else 1 / (1 + np.exp(-2 * true_odds))
    calibration = fit_calibration(sure, labels, "log_odds" if kind == "log_odds" else "probability")
    scores = calibration.apply(sure)
    assert scores.mean() == pytest.approx(labels.mean(), rel=0.01)
    assert np.abs(scores - chance).mean() < 0.01


def test_the_mean_is_right_where_frauds_are_one_in_six_hundred() -> None:
    """To a thousandth: a solver that stops at a tolerance made for balanced classes is off by percents here."""
    random = np.random.default_rng(0)
    labels = (random.random(60_000) < 1 / 600).astype(np.int8)
    margin = random.normal(size=60_000) * 3 + 8 * labels
    scores = fit_calibration(margin, labels, "log_odds").apply(margin)
    assert scores.mean() == pytest.approx(labels.mean(), rel=1e-3)

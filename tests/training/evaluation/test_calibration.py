"""The calibration curve and ratio show whether scores are probabilities."""

import numpy as np
import pytest

from schemas.messages import Policy
from tests.training.evaluation.simulated_rows import scored, simulated
from training.evaluation.calibration import calibration_curve
from training.evaluation.figures import evaluate

POLICY = Policy("v", 0.5, 1.0)


def test_true_probabilities_lie_on_the_curve() -> None:
    """For true probabilities, nearly all bins with frauds have a mean score in the interval; the ratio is near 1."""
    rows = simulated(50_000, skill=2.5, fraud_share=0.02)
    bins = [b for b in calibration_curve(rows) if b.frauds >= 5]
    inside = [b.fraud_rate.low <= b.mean_score <= b.fraud_rate.high for b in bins]
    assert len(bins) >= 6
    assert sum(inside) >= len(bins) - 1
    assert evaluate(rows, POLICY, resamples=50)["mean_score_ratio"].value == pytest.approx(1, abs=0.1)


def test_every_transaction_is_in_one_bin() -> None:
    """Every transaction is in one bin, even with a score of exactly 0 or 1, and bins are in ascending order."""
    rows = scored([0, 0, 0.5, 1, 1, 1], [0, 0, 1, 1, 1, 0])
    bins = calibration_curve(rows)
    assert [(b.rows, b.frauds, b.mean_score) for b in bins] == [(2, 0, 0), (1, 1, 0.5), (3, 2, 1)]
    assert [b.fraud_rate.value for b in bins] == pytest.approx([0, 1, 2 / 3])


def test_doubled_scores_double_the_ratio() -> None:
    """Doubling all scores, as class weights would without calibration, doubles the ratio."""
    rows = simulated(20_000, fraud_share=0.02)
    doubled = scored(np.minimum(2 * rows.scores, 1), rows.labels, rows.amount_minor, rows.event_time_ms)
    ratio = evaluate(doubled, POLICY, resamples=200)["mean_score_ratio"]
    assert ratio.low > 1.1

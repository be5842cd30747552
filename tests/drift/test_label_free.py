"""The label-free estimate: right while P(label│input) holds, standing still when it does not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.drift.label_free import LabelFreeEstimate, calibration_p, estimate

ROWS = 400_000
THRESHOLD = 0.3


def scores(shift: float = 0.0) -> NDArray[np.float64]:
    """Return calibrated scores of inputs that have moved by so much."""
    margin = np.random.default_rng(0).normal(-5 + shift, 2, size=ROWS)
    return 1 / (1 + np.exp(-margin))


def guess(given: NDArray[np.float64]) -> LabelFreeEstimate:
    """Estimate from the sums that reports carry."""
    alerts = given >= THRESHOLD
    return estimate(float(given.sum()), float(given[alerts].sum()), int(alerts.sum()))


def true(given: NDArray[np.float64], frauds: NDArray[np.bool_]) -> tuple[float, float]:
    """Return precision and recall."""
    alerts = given >= THRESHOLD
    return float(frauds[alerts].mean()), float(frauds[alerts].sum() / frauds.sum())


@pytest.mark.parametrize("shift", [0.0, 1.0, -1.0])
def test_it_follows_a_change_of_what_comes_in(shift: float) -> None:
    """Data drift: labels drawn from the scores, as calibration says."""
    given = scores(shift)
    frauds = np.random.default_rng(1).uniform(size=ROWS) < given
    found = guess(given)
    assert (found.precision, found.recall) == pytest.approx(true(given, frauds), abs=0.02)


def test_it_stands_still_when_frauds_look_otherwise() -> None:
    """Concept drift: half of the frauds are elsewhere now. The inputs are the same, and so is the estimate."""
    given, rng = scores(), np.random.default_rng(1)
    frauds = rng.uniform(size=ROWS) < given / 2
    frauds |= rng.uniform(size=ROWS) < given.mean() / 2
    found = guess(given)
    assert found.precision is not None
    assert found.recall is not None
    precision, recall = true(given, frauds)
    assert found.precision > 1.7 * precision
    assert found.recall > 1.7 * recall


def test_nothing_alerted_or_scored_is_no_estimate() -> None:
    """Not a division by zero."""
    assert estimate(3.0, 0.0, 0) == LabelFreeEstimate(None, 0.0)
    assert estimate(0.0, 0.0, 0) == LabelFreeEstimate(None, None)


def test_calibration_is_tested_on_matured_frauds() -> None:
    """Scores that say what happens pass; scores that say twice as much do not; the test errs on the quiet side."""
    given, rng = scores()[:50_000], np.random.default_rng(2)
    means = float(given.mean())
    found = [calibration_p(means, len(given), int((rng.uniform(size=len(given)) < given).sum())) for _ in range(100)]
    assert sum(p < 0.05 for p in found) <= 5
    assert calibration_p(2 * means, len(given), int((rng.uniform(size=len(given)) < given).sum())) < 1e-6

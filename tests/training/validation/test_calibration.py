"""Calibration: right scores pass, and each kind of wrong scores fails once there are enough frauds."""

import math

import numpy as np
import pytest

from training.evaluation.calibration import calibration_curve
from training.evaluation.scored_rows import ScoredRows
from training.validation.calibration import check_calibration
from training.validation.recalibration import calibration_slope, error_by_chance, expected_error
from training.validation.thresholds import DEFAULT

LIMITS = DEFAULT.calibration


def scored(rows: int, *, bias: float = -3.0, stretch: float = 1.0, shift: float = 0.0, seed: int = 0) -> ScoredRows:
    """Return rows with labels from their probability, and scores whose log odds are stretched and shifted from it."""
    random = np.random.default_rng(seed)
    odds = random.normal(bias, 1.5, rows)
    labels = (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    scores = 1 / (1 + np.exp(-(stretch * odds + shift)))
    zeros = np.zeros(rows, dtype=np.int64)
    return ScoredRows(scores.astype(np.float32), labels, zeros, zeros)


def test_right_scores_pass() -> None:
    """Scores that are the probability pass, and the figures say so with their intervals."""
    result = check_calibration(scored(20_000), LIMITS)
    assert result.outcome == "passed"
    assert result.figures["slope_low"] < 1 < result.figures["slope_high"]
    assert result.figures["mean_score_ratio_low"] < 1 < result.figures["mean_score_ratio_high"]
    assert result.figures["expected_error"] < result.figures["expected_error_by_chance"]
    assert result.table is not None
    assert sum(int(row[2].replace(",", "")) for row in result.table.rows) == 20_000


def test_right_scores_seldom_fail_with_few_frauds() -> None:
    """With about 30 frauds in 600 rows, intervals are wide, and fewer than 3 of 100 right models fail."""
    results = [check_calibration(scored(600, bias=-4.0, seed=seed), LIMITS) for seed in range(100)]
    assert sum(result.outcome == "failed" for result in results) < 3
    assert sum(result.outcome == "passed" for result in results) > 50


@pytest.mark.parametrize(
    ("stretch", "shift", "problem"),
    [
        (1.0, 1.5, "the mean score is "),
        (1.0, -1.5, "the mean score is "),
        (2.0, 3.0, "the scores are too extreme"),
        (0.5, -1.5, "the scores are too timid"),
    ],
)
def test_wrong_scores_fail(stretch: float, shift: float, problem: str) -> None:
    """Scores that are too high, too low, too extreme or too timid fail with a reason that says which."""
    result = check_calibration(scored(20_000, stretch=stretch, shift=shift), LIMITS)
    assert result.outcome == "failed"
    assert problem in result.text


def test_scores_that_are_wrong_in_a_range_fail() -> None:
    """Scores that exchange two ranges are right on average and have a slope, but an error far above chance."""
    rows = 40_000
    random = np.random.default_rng(0)
    true = random.choice([0.02, 0.3, 0.8], rows, p=[0.8, 0.1, 0.1])
    labels = (random.random(rows) < true).astype(np.int8)
    given = np.select([true == 0.3, true == 0.8], [0.8, 0.3], true).astype(np.float32)
    zeros = np.zeros(rows, dtype=np.int64)
    strict = type(LIMITS)(min_frauds=20, max_ratio=2, min_slope=0, max_slope=9, max_error_share=0.3)
    result = check_calibration(ScoredRows(given, labels, zeros, zeros), strict)
    assert result.outcome == "failed"
    assert "the expected calibration error is " in result.text
    assert result.figures["mean_score_ratio"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("frauds", "reason"),
    [(0, "1,000 transactions have no frauds; 20 are needed"), (1, "1,000 transactions have 1 fraud; 20 are needed")],
)
def test_too_few_frauds_are_not_checked(frauds: int, reason: str) -> None:
    """With too few frauds, nothing is claimed, neither a pass nor a failure."""
    rows = scored(1000)
    labels = np.zeros(1000, dtype=np.int8)
    labels[:frauds] = 1
    result = check_calibration(ScoredRows(rows.scores, labels, rows.amount_minor, rows.event_time_ms), LIMITS)
    assert (result.outcome, result.text) == ("not checked", reason)


def test_frauds_only_are_not_checked() -> None:
    """Without legitimate transactions, neither slope nor rate exists."""
    rows = scored(100)
    labels = np.ones(100, dtype=np.int8)
    result = check_calibration(ScoredRows(rows.scores, labels, rows.amount_minor, rows.event_time_ms), LIMITS)
    assert (result.outcome, result.text) == (
        "not checked",
        "all 100 transactions are frauds; legitimate ones are needed",
    )


@pytest.mark.parametrize("stretch", [0.5, 1.0, 2.0])
def test_the_slope_undoes_the_stretch(stretch: float) -> None:
    """The slope is the factor by which log odds were stretched, inverted, and its interval contains it."""
    rows = scored(50_000, stretch=stretch)
    slope = calibration_slope(rows.scores, rows.labels)
    assert slope is not None
    assert slope.low < 1 / stretch < slope.high
    assert slope.high - slope.low < 0.2 / stretch


def test_the_slopes_interval_holds_its_level() -> None:
    """The 95% interval contains 1 for about 95 of 100 right models."""
    slopes = [calibration_slope(each.scores, each.labels) for each in (scored(1500, seed=seed) for seed in range(200))]
    inside = [slope is not None and slope.low <= 1 <= slope.high for slope in slopes]
    assert 0.90 <= np.mean(inside) <= 0.99


@pytest.mark.parametrize("scores", [np.full(100, 0.3), np.repeat([0.0, 1.0], 50)])
def test_a_slope_that_cannot_be_estimated_is_none(scores: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """Equal scores have no slope, and scores that separate the classes perfectly have an infinite one."""
    labels = np.repeat([0, 1], 50).astype(np.int8)
    assert calibration_slope(scores.astype(np.float32), labels) is None


def test_errors_by_chance_are_those_of_right_scores() -> None:
    """About one in a hundred right models has an error above the 99% quantile."""
    above = []
    for seed in range(200):
        bins = calibration_curve(scored(2000, seed=seed), resamples=2)
        above.append(expected_error(bins) > error_by_chance(bins, 0.99))
    assert np.mean(above) <= 0.03
    assert not math.isnan(np.mean(above))

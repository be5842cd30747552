"""The capital grows if the mean is above 0, hardly ever grows otherwise, and stays finite."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.evaluation.alpha import ALPHA, next_alpha
from stream.evaluation.betting import BETS, best_log_growth, confidence_interval, log_capital

VALUES = st.lists(st.floats(-1, 1), max_size=30).map(lambda values: np.array(values, dtype=np.float64))


@given(VALUES)
def test_capital_is_the_mean_over_bets(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """The capital equals the mean over the bets' capitals, computed without logarithms."""
    capital = np.mean([np.prod(1 + bet * values) for bet in BETS])
    assert math.exp(log_capital(values)[-1]) == pytest.approx(capital, rel=1e-9)


def test_histories_are_computed_side_by_side() -> None:
    """Histories along leading axes are computed separately."""
    values = np.random.default_rng(0).uniform(-1, 1, (2, 3, 20))
    together = log_capital(values)
    assert together.shape == (2, 3, 21)
    assert together[1, 2] == pytest.approx(log_capital(values[1, 2]))


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_a_million_extreme_values_keep_the_logarithm_finite(value: float) -> None:
    """The log capital stays finite after a million extreme values, long after the capital would be 0 or infinite."""
    log = log_capital(np.full(1_000_000, value))[-1]
    assert np.isfinite(log)
    assert (log > 0) == (value > 0)


@pytest.mark.parametrize("value", [1.5, -1.01, math.nan])
def test_a_value_out_of_range_is_refused(value: float) -> None:
    """A value outside [-1, 1], which could lose more than the capital, and NaN are rejected."""
    with pytest.raises(ValueError, match="between -1 and 1"):
        log_capital(np.array([value]))


@given(VALUES)
def test_the_capital_is_close_to_that_of_the_best_bet(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """The capital is at most that of the best bet, and at least that capital divided by the number of bets."""
    log = log_capital(values)[-1]
    assert log <= best_log_growth(values) + 1e-9
    assert best_log_growth(values) == 0 or log >= best_log_growth(values) - math.log(len(BETS)) - 1e-9


@pytest.mark.parametrize("alpha", [0.5, 0.05, 0.005])
def test_capital_seldom_grows_on_a_fair_game(alpha: float) -> None:
    """In 2,000 fair histories of 500 evaluations, at most a share of alpha reaches 1/alpha (within 5 sigma)."""
    random = np.random.default_rng(11)
    fair = random.choice([-1.0, 1.0], (2000, 500)) * (random.random((2000, 500)) < 0.1)
    reached = (log_capital(fair).max(axis=-1) >= -math.log(alpha)).mean()
    assert reached <= alpha + 5 * math.sqrt(alpha * (1 - alpha) / 2000)


def test_the_interval_contains_the_mean_at_every_evaluation() -> None:
    """In 100 histories of 10 evaluations, the interval excludes the mean in at most a share of 2 alpha (4 sigma)."""
    random, missed = np.random.default_rng(12), 0
    for _ in range(100):
        values = np.where(random.random(400) < 0.1, random.choice([-0.5, 1.0], 400), 0.0)
        intervals = [confidence_interval(values[:end], 0.05) for end in range(40, 401, 40)]
        missed += any(not low <= 0.025 <= high for low, high in intervals)
    assert missed / 100 <= 0.1 + 4 * math.sqrt(0.1 * 0.9 / 100)


@given(VALUES)
def test_the_interval_agrees_with_the_capital(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    """The interval lies above 0 exactly if the capital of the test against a mean of at most 0 reaches 1/alpha."""
    low, high = confidence_interval(values, 0.3)
    assert -1 <= low <= high <= 1
    capital = log_capital(values)[-1]
    if abs(capital + math.log(0.3)) > 1e-6:
        assert (low > 0) == (capital >= -math.log(0.3))


def test_without_values_nothing_is_excluded() -> None:
    """Without values, the interval is [-1, 1]."""
    assert confidence_interval(np.empty(0), 0.05) == pytest.approx((-1.0, 1.0))


def test_wrong_promotions_over_many_challengers_are_at_most_as_likely_as_alpha() -> None:
    """After one better challenger, ten others are wrongly promoted in at most alpha of histories (within 4 sigma)."""
    random = np.random.default_rng(13)
    values = random.choice([-0.5, 0.5], (11, 1000, 100), p=[0.5, 0.5])
    values[0] += 0.4
    highest = log_capital(values).max(axis=-1).T
    wrong = 0
    for history in highest:
        promoted: list[bool] = []
        for capital in history:
            promoted.append(bool(capital >= -math.log(next_alpha(promoted))))
        wrong += any(promoted[1:])
    assert (highest[:, 0] >= -math.log(next_alpha([]))).all()
    assert wrong / 1000 <= ALPHA + 4 * math.sqrt(ALPHA * (1 - ALPHA) / 1000)


@given(st.lists(st.booleans(), max_size=40))
def test_levels_add_up_to_at_most_alpha(promoted: list[bool]) -> None:
    """Whichever challengers were promoted, the test levels of all others and of the next add up to at most alpha."""
    levels = [next_alpha(promoted[:k]) for k in range(len(promoted) + 1)]
    assert all(level > 0 for level in levels)
    assert sum(level for level, was in zip(levels, [*promoted, False], strict=True) if not was) <= ALPHA + 1e-12

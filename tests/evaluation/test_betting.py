"""Capital grows on what is so, hardly ever on what is not, and never breaks."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stream.evaluation.alpha
import stream.evaluation.betting
import stream.evaluation.costs
import stream.evaluation.dependence
from stream.evaluation.alpha import ALPHA, next_alpha
from stream.evaluation.betting import BETS, confidence_interval, best_log_growth, log_capital

VALUES = st.lists(st.floats(-1, 1), max_size=30).map(lambda values: np.array(values, dtype=np.float64))


def test_the_examples_in_the_documentation_hold() -> None:
    """They are the shortest way to see what is reckoned."""
    evaluation = stream.evaluation
    for module in (evaluation.alpha, evaluation.betting, evaluation.costs, evaluation.dependence):
        result = doctest.testmod(module)
        assert (result.failed, result.attempted > 0) == (0, True)


@given(VALUES)
def test_capital_is_the_mean_of_what_each_bet_made(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """As the formula says it, without logarithms."""
    plain = np.mean([np.prod(1 + bet * values) for bet in BETS])
    assert math.exp(log_capital(values)[-1]) == pytest.approx(plain, rel=1e-9)


def test_repetitions_are_reckoned_side_by_side() -> None:
    """Leading axes are separate histories."""
    values = np.random.default_rng(0).uniform(-1, 1, (2, 3, 20))
    together = log_capital(values)
    assert together.shape == (2, 3, 21)
    assert together[1, 2] == pytest.approx(log_capital(values[1, 2]))


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_a_million_extreme_values_leave_a_number(value: float) -> None:
    """Capital itself would be 0 or infinite long before."""
    log = log_capital(np.full(1_000_000, value))[-1]
    assert np.isfinite(log)
    assert (log > 0) == (value > 0)


@pytest.mark.parametrize("value", [1.5, -1.01, math.nan])
def test_a_value_out_of_bounds_is_refused(value: float) -> None:
    """It could lose more than there is, or is none."""
    with pytest.raises(ValueError, match="within -1 and 1"):
        log_capital(np.array([value]))


@given(VALUES)
def test_no_bet_grew_more_than_the_best(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """And the shared capital is at most the number of bets behind it, which is what spreading costs."""
    log = log_capital(values)[-1]
    assert log <= best_log_growth(values) + 1e-9
    assert best_log_growth(values) == 0 or log >= best_log_growth(values) - math.log(len(BETS)) - 1e-9


@pytest.mark.parametrize("chance", [0.5, 0.05, 0.005])
def test_capital_seldom_grows_on_a_fair_game(chance: float) -> None:
    """Of 2,000 histories looked at 500 times each, at most alpha ever reach 1/alpha, but for chance (5 sigma)."""
    random = np.random.default_rng(11)
    fair = random.choice([-1.0, 1.0], (2000, 500)) * (random.random((2000, 500)) < 0.1)
    reached = (log_capital(fair).max(axis=-1) >= -math.log(chance)).mean()
    assert reached <= chance + 5 * math.sqrt(chance * (1 - chance) / 2000)


def test_a_mean_within_the_interval_at_every_look() -> None:
    """Of 100 histories with 10 looks each, at most 2 alpha leave the true mean out, but for chance (4 sigma)."""
    random, missed = np.random.default_rng(12), 0
    for _ in range(100):
        values = np.where(random.random(400) < 0.1, random.choice([-0.5, 1.0], 400), 0.0)
        intervals = [confidence_interval(values[:end], 0.05) for end in range(40, 401, 40)]
        missed += any(not low <= 0.025 <= high for low, high in intervals)
    assert missed / 100 <= 0.1 + 4 * math.sqrt(0.1 * 0.9 / 100)


@given(VALUES)
def test_the_interval_excludes_what_the_capital_refutes(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    """Its lower end is above 0 just where the capital against "at most 0" reaches 1/alpha."""
    low, high = confidence_interval(values, 0.3)
    assert -1 <= low <= high <= 1
    capital = log_capital(values)[-1]
    if abs(capital + math.log(0.3)) > 1e-6:
        assert (low > 0) == (capital >= -math.log(0.3))


def test_nothing_seen_excludes_nothing() -> None:
    """The interval is then all there is."""
    assert confidence_interval(np.empty(0), 0.05) == pytest.approx((-1.0, 1.0))


def test_no_challenger_of_many_is_promoted_wrongly_more_often_than_alpha() -> None:
    """Of 1,000 histories of ten that are no better, after one that is: looked at 100 times each (4 sigma)."""
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
def test_levels_never_add_up_to_more_than_the_whole(promoted: list[bool]) -> None:
    """Whatever was promoted: the levels of those that were not, and of one more, stay within alpha."""
    levels = [next_alpha(promoted[:k]) for k in range(len(promoted) + 1)]
    assert all(level > 0 for level in levels)
    assert sum(level for level, was in zip(levels, [*promoted, False], strict=True) if not was) <= ALPHA + 1e-12

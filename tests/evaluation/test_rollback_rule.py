"""Bounds of a reference period: what is shown, what comes first, and what says nothing."""

import numpy as np
import pytest

from stream.evaluation.blocks import ALERTS, PARTS, SLOW, TRANSACTIONS, BlockRows, block_row, stack_rows
from stream.evaluation.rollback_rule import STATISTICS, RollbackLimits, RollbackRule
from tests.evaluation.daily_cycle import DAY, blocks
from tests.evaluation.role_messages import counts, player

LIMITS = RollbackLimits(1000, 8, 64, 0.001, 3.0, 64)


def steady(count: int, alerts: int = 100) -> BlockRows:
    """Return blocks of 1,000 that are all alike."""
    block = block_row(counts(), player(reviews=alerts), 64)
    return stack_rows([block] * count)


def test_what_stays_as_it_was_is_no_breach() -> None:
    """Neither alone nor added up."""
    assert RollbackRule(steady(16), steady(16), LIMITS).first_breach(steady(64)) is None


def test_a_breach_names_statistic_value_bound_and_how_many_transactions() -> None:
    """What alerts on everything is seen in its first block."""
    breach = RollbackRule(steady(16), steady(16), LIMITS).first_breach(stack_rows([steady(3), steady(5, alerts=1000)]))
    assert breach is not None
    assert (breach.statistic, breach.value, breach.transactions, breach.blocks) == ("alert_rate_high", 1.0, 1000, 4)
    assert 0.1 < breach.bound < 0.3


def test_what_alerts_on_nothing_is_a_breach() -> None:
    """The alert rate has two sides."""
    breach = RollbackRule(steady(16), steady(16), LIMITS).first_breach(steady(2, alerts=0))
    assert breach is not None
    assert (breach.statistic, breach.value) == ("alert_rate_low", 0.0)
    assert 0.0 < breach.bound < 0.1


def test_only_so_many_blocks_are_watched() -> None:
    """The error is stated for these; later a season may turn."""
    assert RollbackRule(steady(16), steady(16), LIMITS).first_breach(stack_rows([steady(64), steady(8, alerts=1000)])) is None


def test_a_multiple_of_the_previous_champion_s_alerts_is_too_much() -> None:
    """A challenger may have alerted as much in its shadow period."""
    shadow, previous = steady(16, alerts=600), steady(16, alerts=50)
    breach = RollbackRule(shadow, previous, LIMITS).first_breach(shadow)
    assert breach is not None
    assert breach.statistic == "alert_multiple"
    assert 0.15 < breach.bound < 0.6


def test_a_previous_champion_of_few_blocks_says_nothing_about_a_multiple() -> None:
    """It has not shown its whole cycle."""
    shadow = steady(16, alerts=600)
    assert RollbackRule(shadow, steady(7, alerts=50), LIMITS).first_breach(shadow) is None


def test_a_shadow_period_without_timings_bounds_no_timings() -> None:
    """A block may be of one part, or of none."""
    reference = steady(16)
    reference[:, [PARTS, SLOW]] = 0
    live = steady(16)
    live[:, SLOW] = live[:, PARTS]
    assert RollbackRule(reference, reference, LIMITS).first_breach(live) is None


def test_blocks_of_any_size_are_compared() -> None:
    """Under load a second's counts are more than a block."""
    rng = np.random.default_rng(1)
    sizes = rng.integers(1000, 30_000, size=80)
    rows = stack_rows([steady(1) for _ in sizes])
    rows[:, TRANSACTIONS] = sizes
    rows[:, ALERTS] = rng.binomial(sizes, 0.02)
    assert RollbackRule(rows[:40], rows[:40], LIMITS).first_breach(rows[40:]) is None


def test_readings_are_each_statistic_s_value_and_bound() -> None:
    """Of the newest block; healthy ones are inside."""
    rows = blocks(np.random.default_rng(2), 0, 2 * DAY)
    readings = RollbackRule(rows[:DAY], rows[:DAY], LIMITS).readings(rows[DAY:])
    assert readings.keys() == set(STATISTICS)
    low, bound = readings.pop("alert_rate_low")
    assert low >= bound
    assert all(value <= bound for value, bound in readings.values())


@pytest.mark.parametrize("count", [1, 3, 8])
def test_any_reference_makes_bounds(count: int) -> None:
    """A short one wide ones."""
    rule = RollbackRule(steady(count), steady(0), LIMITS)
    assert rule.first_breach(steady(16)) is None
    assert rule.first_breach(steady(16, alerts=1000)) is not None

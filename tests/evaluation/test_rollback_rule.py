"""The rollback rule: bounds from a reference period, and the first breach of these bounds."""

import numpy as np
import pytest

from stream.evaluation.blocks import ALERTS, PARTS, SLOW, TRANSACTIONS, BlockRows, block_row, stack_rows
from stream.evaluation.rollback_rule import STATISTICS, RollbackLimits, RollbackRule
from tests.evaluation.daily_cycle import DAY, blocks
from tests.evaluation.role_messages import model_counts, role_counts

LIMITS = RollbackLimits(1000, 8, 64, 0.001, 3.0, 64)


def steady(count: int, alerts: int = 100) -> BlockRows:
    """Return blocks of 1,000 transactions that are all alike."""
    block = block_row(role_counts(), model_counts(reviews=alerts), 64)
    return stack_rows([block] * count)


def test_an_unchanged_stream_is_no_breach() -> None:
    """An unchanged stream breaches no bound, neither in single blocks nor in sums of blocks."""
    assert RollbackRule(steady(16), steady(16), LIMITS).first_breach(steady(64)) is None


def test_a_breach_has_statistic_value_bound_and_transactions() -> None:
    """A model that alerts on everything breaches a bound in its first block."""
    breach = RollbackRule(steady(16), steady(16), LIMITS).first_breach(stack_rows([steady(3), steady(5, alerts=1000)]))
    assert breach is not None
    assert (breach.statistic, breach.value, breach.transactions, breach.blocks) == ("alert_rate_high", 1.0, 1000, 4)
    assert 0.1 < breach.bound < 0.3


def test_no_alerts_at_all_is_a_breach() -> None:
    """A model without any alerts breaches the lower bound on the alert rate."""
    breach = RollbackRule(steady(16), steady(16), LIMITS).first_breach(steady(2, alerts=0))
    assert breach is not None
    assert (breach.statistic, breach.value) == ("alert_rate_low", 0.0)
    assert 0.0 < breach.bound < 0.1


def test_blocks_after_the_monitored_ones_are_ignored() -> None:
    """Blocks after the monitored blocks are ignored, because alpha covers only these, and the season may change."""
    assert (
        RollbackRule(steady(16), steady(16), LIMITS).first_breach(stack_rows([steady(64), steady(8, alerts=1000)]))
        is None
    )


def test_a_multiple_of_the_previous_champion_s_alert_rate_is_a_breach() -> None:
    """A multiple of the previous alert rate is a breach even if the model alerted as much in its shadow period."""
    shadow, previous = steady(16, alerts=600), steady(16, alerts=50)
    breach = RollbackRule(shadow, previous, LIMITS).first_breach(shadow)
    assert breach is not None
    assert breach.statistic == "alert_multiple"
    assert 0.15 < breach.bound < 0.6


def test_a_previous_champion_with_few_blocks_is_ignored() -> None:
    """A previous champion with few blocks is ignored, because these blocks may not cover a cycle."""
    shadow = steady(16, alerts=600)
    assert RollbackRule(shadow, steady(7, alerts=50), LIMITS).first_breach(shadow) is None


def test_a_reference_without_timings_gives_no_bound_on_them() -> None:
    """A reference without timings gives no bound on slow parts, as a block may have one part or none."""
    reference = steady(16)
    reference[:, [PARTS, SLOW]] = 0
    live = steady(16)
    live[:, SLOW] = live[:, PARTS]
    assert RollbackRule(reference, reference, LIMITS).first_breach(live) is None


def test_blocks_of_different_sizes_are_compared() -> None:
    """Blocks may differ in size, because under load the counts of one second exceed the size of a block."""
    rng = np.random.default_rng(1)
    sizes = rng.integers(1000, 30_000, size=80)
    rows = stack_rows([steady(1) for _ in sizes])
    rows[:, TRANSACTIONS] = sizes
    rows[:, ALERTS] = rng.binomial(sizes, 0.02)
    assert RollbackRule(rows[:40], rows[:40], LIMITS).first_breach(rows[40:]) is None


def test_readings_are_each_statistic_s_value_and_bound() -> None:
    """Readings contain each statistic's value and bound, and the values of a healthy model are within their bounds."""
    rows = blocks(np.random.default_rng(2), 0, 2 * DAY)
    readings = RollbackRule(rows[:DAY], rows[:DAY], LIMITS).readings(rows[DAY:])
    assert readings.keys() == set(STATISTICS)
    low, bound = readings.pop("alert_rate_low")
    assert low >= bound
    assert all(value <= bound for value, bound in readings.values())


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_reference_of_any_length_gives_bounds(count: int) -> None:
    """A reference of any length gives bounds, and a short reference gives wide bounds."""
    rule = RollbackRule(steady(count), steady(0), LIMITS)
    assert rule.first_breach(steady(16)) is None
    assert rule.first_breach(steady(16, alerts=1000)) is not None

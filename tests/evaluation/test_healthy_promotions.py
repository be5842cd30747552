"""The guard's rule over whole promotions: healthy ones stay, broken ones are caught within so many transactions."""

import numpy as np
import pytest

from stream.evaluation.blocks import stack_rows
from stream.evaluation.rollback_rule import Breach, RollbackLimits, RollbackRule
from tests.evaluation.daily_cycle import DAY, HEALTHY, SIZE, Fault, blocks

PROMOTIONS = 1000
#: CountBlocks watched in the healthy ones: a day.
WATCHED = DAY
#: Promotions of each broken model.
BROKEN = 20


def limits(watched: int, error: float = 0.001) -> RollbackLimits:
    """Return the settings' defaults, with another length of the watch."""
    return RollbackLimits(SIZE, 100, watched, error, 3.0, 64)


def promote(rng: np.random.Generator, days: float, watched: int, fault: Fault = HEALTHY) -> Breach | None:
    """Shadow a healthy model for some days from any hour on, promote it at any later hour, and watch it."""
    shadow, later = round(days * DAY), DAY + int(rng.integers(DAY))
    first = int(rng.integers(DAY))
    reference = blocks(rng, first, shadow)
    live = blocks(rng, first + shadow + later, watched, fault)
    return RollbackRule(reference, reference, limits(watched)).first_breach(live)


def test_of_a_thousand_healthy_promotions_at_most_one_is_taken_back() -> None:
    """With alert rates between 0.2 and 2 % over the day, and shadow periods from one day to one and a half."""
    rng = np.random.default_rng(20251125)
    breaches = [promote(rng, 1 + number % 3 / 4, WATCHED) for number in range(PROMOTIONS)]
    taken_back = [breach for breach in breaches if breach]
    assert len(taken_back) <= 1, taken_back


def test_the_error_is_kept_where_it_could_show() -> None:
    """At an error of a tenth, and with no cycle that would widen the bounds, one in ten at most is taken back."""
    rng = np.random.default_rng(3)
    noon = 6 * DAY // 24  # blocks of a single hour, over and over
    taken_back = 0
    for _ in range(200):
        hour = stack_rows([blocks(rng, noon, 10) for _ in range(20)])
        rule = RollbackRule(hour[:100], hour[:100], limits(100, error=0.1))
        taken_back += rule.first_breach(hour[100:]) is not None
    assert taken_back <= 20


@pytest.mark.parametrize(
    ("fault", "statistics", "within"),
    [
        (Fault(alerts=2), {"alert_rate_high"}, 256),
        (Fault(alerts=3), {"alert_rate_high"}, 192),
        (Fault(alerts=30), {"alert_rate_high"}, 8),
        (Fault(shift=1), {"scores"}, 192),
        (Fault(shift=2), {"scores", "alert_rate_high"}, 16),
        (Fault(shift=-3), {"scores"}, 8),
        (Fault(problems=0.02), {"problems"}, 8),
        (Fault(problems=0.2), {"problems"}, 1),
        (Fault(slow=0.5), {"slow"}, 16),
        (Fault(slow=1), {"slow"}, 4),
    ],
    # Not of the sets: their order differs between processes.
    ids=lambda value: str(value) if isinstance(value, Fault) else "",
)
def test_a_broken_model_is_caught(fault: Fault, statistics: set[str], within: int) -> None:
    """Whatever the hour, within so many blocks of 1,000, after one day in the shadow; by the statistic it is about."""
    rng = np.random.default_rng(7)
    breaches = [promote(rng, 1, 300, fault) for _ in range(BROKEN)]
    caught = [breach for breach in breaches if breach]
    assert len(caught) == BROKEN
    assert {breach.statistic for breach in caught} <= statistics
    assert max(breach.blocks for breach in caught) <= within

"""The rollback rule over whole promotions: healthy models stay, and broken models are detected quickly."""

import numpy as np
import pytest

from stream.evaluation.blocks import stack_rows
from stream.evaluation.rollback_rule import Breach, RollbackLimits, RollbackRule
from tests.evaluation.daily_cycle import DAY, HEALTHY, SIZE, Fault, blocks

#: Number of blocks monitored after a healthy promotion: a day.
MONITORED = DAY
#: Number of promotions of each broken model.
BROKEN = 20


def limits(watched_blocks: int, alpha: float = 0.001) -> RollbackLimits:
    """Return the default limits with this number of monitored blocks."""
    return RollbackLimits(SIZE, 100, watched_blocks, alpha, 3.0, 64)


def promote(rng: np.random.Generator, days: float, watched_blocks: int, fault: Fault = HEALTHY) -> Breach | None:
    """Shadow a healthy model for `days` from a random hour, promote it, and return its first breach, if any.

    The promotion is one to two days after the shadow period ends.
    """
    shadow, later = round(days * DAY), DAY + int(rng.integers(DAY))
    first = int(rng.integers(DAY))
    reference = blocks(rng, first, shadow)
    live = blocks(rng, first + shadow + later, watched_blocks, fault)
    return RollbackRule(reference, reference, limits(watched_blocks)).first_breach(live)


@pytest.mark.parametrize(("promotions", "most"), [(200, 0), pytest.param(1000, 1, marks=pytest.mark.slow)])
def test_a_healthy_promotion_is_almost_never_rolled_back(promotions: int, most: int) -> None:
    """Of the first 200 healthy promotions none is rolled back, and of a thousand at most one.

    Alert rates vary from 0.2 to 2 % over the day, and shadow periods last one to one and a half days.
    """
    rng = np.random.default_rng(20251125)
    breaches = [promote(rng, 1 + number % 3 / 4, MONITORED) for number in range(promotions)]
    rolled_back = [breach for breach in breaches if breach]
    assert len(rolled_back) <= most, rolled_back


@pytest.mark.parametrize("promotions", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_the_error_probability_is_kept(promotions: int) -> None:
    """At an alpha of 0.1, without a cycle that would widen the bounds, at most one promotion in ten is rolled back."""
    rng = np.random.default_rng(3)
    noon = 6 * DAY // 24  # repeated blocks of a single hour
    rolled_back = 0
    for _ in range(promotions):
        hour = stack_rows([blocks(rng, noon, 10) for _ in range(20)])
        rule = RollbackRule(hour[:100], hour[:100], limits(100, alpha=0.1))
        rolled_back += rule.first_breach(hour[100:]) is not None
    assert rolled_back <= promotions / 10


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
    # Sets have no ids: their order differs between processes.
    ids=lambda value: str(value) if isinstance(value, Fault) else "",
)
def test_a_broken_model_is_detected(fault: Fault, statistics: set[str], within: int) -> None:
    """After a day in shadow mode, a fault is detected at any hour, in the given blocks and by the right statistic."""
    rng = np.random.default_rng(7)
    breaches = [promote(rng, 1, 300, fault) for _ in range(BROKEN)]
    detected = [breach for breach in breaches if breach]
    assert len(detected) == BROKEN
    assert {breach.statistic for breach in detected} <= statistics
    assert max(breach.blocks for breach in detected) <= within

"""What is frozen before a test, and what cannot be."""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.errors import DataError
from stream.evaluation.cohorts import MISSING, CohortTiming, Pairs
from stream.evaluation.evidence import rank_values
from stream.evaluation.outcome import Outcome
from stream.evaluation.plan import Plan, freeze_plan, default_cap
from tests.evaluation.sample_evidence import COSTS, PLAN, pairs

COUNT = 1000
TIMING = CohortTiming(starts_ms=COUNT, maturity_ms=10, cohort_ms=50, spell_ms=0)


def earlier(**columns: Any) -> Pairs:
    """Return 20 cohorts with one fraud in ten; the champion alerts one transaction in five, half of the frauds."""
    number = np.arange(COUNT)
    plain = {
        "outcome": np.where(number % 10 == 0, Outcome.FRAUD, Outcome.LEGITIMATE),
        "champion_verdict": (number % 20 == 0) + (number % 20 == 5) + (number % 20 == 6) + (number % 20 == 7),
        "challenger_score": np.random.default_rng(1).permutation(COUNT) / COUNT,
        "amount_minor": 100 + number,
    }
    return pairs(COUNT, **(plain | columns))


def plan(before: Pairs, **settings: Any) -> Plan:
    """Freeze a plan."""
    return freeze_plan("c", before, TIMING, COSTS, alpha=0.03, **settings)


def test_the_challenger_alerts_as_often_as_the_champion_did() -> None:
    """By score, or by score times amount where its policy does; ties alert all or none, never too many."""
    before = earlier()
    for rank in ("score", "expected_loss"):
        frozen = plan(before, rank=rank)
        assert (rank_values(before, frozen.measure.rank) >= frozen.measure.threshold).sum() == 200
    tied = earlier(challenger_score=np.repeat([0.1, 0.2, 0.9], [700, 150, 150]))
    assert (tied.challenger_score >= plan(tied).measure.threshold).sum() == 150


def test_transactions_without_its_score_are_no_alerts_to_equal() -> None:
    """The champion decides those."""
    number = np.arange(COUNT)
    before = earlier(challenger_verdict=np.where(number % 20 == 5, MISSING, 0))
    threshold = plan(before).measure.threshold
    assert (before.challenger_score[number % 20 != 5] >= threshold).sum() == 150


def test_bounds_are_a_multiple_of_what_a_cohort_says() -> None:
    """Each cohort of fifty alike: with the recall's margin given to the challenger."""
    number = np.arange(COUNT)
    # Half of the frauds approved by both, the other half reviewed by the champion; eight reviews of customers a cohort.
    champion = np.isin(number % 50, (0, 10, 1, 2, 3, 4, 5, 6, 7, 8))
    before = earlier(champion_verdict=champion, amount_minor=np.full(COUNT, 4000), challenger_score=np.zeros(COUNT))
    frozen = plan(before, recall_margin=0.1)
    # Two frauds of 4,000 reviewed at 500 + a quarter lost, and eight customers: against two frauds missed.
    assert frozen.cost_bound_minor == pytest.approx(2.5 * abs(2 * 1500 + 8 * 500 - 2 * 4000))
    assert frozen.recall_bound == pytest.approx(2.5 * abs(-2 + 0.1 * 5))


def test_the_usual_cap_is_the_upper_quartile_of_frauds_that_count() -> None:
    """Whatever the largest was."""
    before = pairs(25, outcome=np.full(25, Outcome.FRAUD), amount_minor=[*range(100, 125)])
    assert default_cap(before) == 118
    with pytest.raises(DataError, match="has 19 frauds"):
        default_cap(before.take(slice(19)))


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (pairs(COUNT + 1), "overlaps the test"),
        (pairs(0), "has 0 cohorts"),
        (earlier().take(slice(COUNT - 14 * 50 + 1, COUNT)), "has 13 cohorts"),
        (earlier(champion_verdict=np.zeros(COUNT)), "alerted none or all"),
        (earlier(champion_verdict=np.ones(COUNT)), "alerted none or all"),
        (earlier(outcome=np.zeros(COUNT)), "no fraud"),
        (earlier(challenger_verdict=earlier().champion_verdict), "never differ"),
    ],
)
def test_an_earlier_period_that_tells_too_little_is_refused(before: Pairs, says: str) -> None:
    """With what to bring instead."""
    with pytest.raises(DataError, match=says):
        plan(before)


def test_a_plan_is_kept_as_json() -> None:
    """It is written before the first tested cohort, and read at each look."""
    assert msgspec.json.decode(msgspec.json.encode(PLAN), type=Plan) == PLAN

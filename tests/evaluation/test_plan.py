"""Freezing a plan: its threshold, bounds and cap, and the earlier periods that are rejected."""

from typing import Any

import msgspec
import numpy as np
import pytest

from schemas.errors import DataError
from stream.evaluation.cohorts import MISSING, CohortTiming, Pairs
from stream.evaluation.evidence import rank_values
from stream.evaluation.outcome import Outcome
from stream.evaluation.plan import Plan, default_cap, freeze_plan
from tests.evaluation.sample_evidence import COSTS, PLAN, pairs

COUNT = 1000
TIMING = CohortTiming(starts_ms=COUNT, maturity_ms=10, cohort_ms=50, spell_ms=0)


def earlier(**columns: Any) -> Pairs:
    """Return pairs from 20 cohorts: a tenth are frauds; the champion alerts on a fifth and on half of the frauds."""
    number = np.arange(COUNT)
    defaults = {
        "outcome": np.where(number % 10 == 0, Outcome.FRAUD, Outcome.LEGITIMATE),
        "champion_verdict": (number % 20 == 0) + (number % 20 == 5) + (number % 20 == 6) + (number % 20 == 7),
        "challenger_score": np.random.default_rng(1).permutation(COUNT) / COUNT,
        "amount_minor": 100 + number,
    }
    return pairs(COUNT, **(defaults | columns))


def plan(before: Pairs, **settings: Any) -> Plan:
    """Freeze a plan on an earlier period."""
    return freeze_plan("c", before, TIMING, COSTS, alpha=0.03, **settings)


def test_the_challenger_alerts_as_often_as_the_champion_did() -> None:
    """The alert rates match when ranking by score or by score times amount, and ties never add alerts beyond that."""
    before = earlier()
    for rank in ("score", "expected_loss"):
        frozen = plan(before, rank=rank)
        assert (rank_values(before, frozen.measure.rank) >= frozen.measure.threshold).sum() == 200
    tied = earlier(challenger_score=np.repeat([0.1, 0.2, 0.9], [700, 150, 150]))
    assert (tied.challenger_score >= plan(tied).measure.threshold).sum() == 150


def test_transactions_without_the_challenger_s_score_are_excluded() -> None:
    """Transactions without the challenger's score do not affect the threshold, because the champion decides on them."""
    number = np.arange(COUNT)
    before = earlier(challenger_verdict=np.where(number % 20 == 5, MISSING, 0))
    threshold = plan(before).measure.threshold
    assert (before.challenger_score[number % 20 != 5] >= threshold).sum() == 150


def test_bounds_are_a_multiple_of_the_cohorts_gains() -> None:
    """All cohorts of fifty are alike, so each bound is 2.5 times one gain; the recall gain includes the margin."""
    number = np.arange(COUNT)
    # The champion reviews two of five frauds and eight customers in each cohort; the challenger approves everything.
    champion = np.isin(number % 50, (0, 10, 1, 2, 3, 4, 5, 6, 7, 8))
    before = earlier(champion_verdict=champion, amount_minor=np.full(COUNT, 4000), challenger_score=np.zeros(COUNT))
    frozen = plan(before, recall_margin=0.1)
    # Champion: two reviewed frauds at 500 plus a quarter of 4,000, and eight reviews. Challenger: two missed frauds.
    assert frozen.cost_bound_minor == pytest.approx(2.5 * abs(2 * 1500 + 8 * 500 - 2 * 4000))
    assert frozen.recall_bound == pytest.approx(2.5 * abs(-2 + 0.1 * 5))


def test_the_default_cap_is_the_upper_quartile_of_fraud_amounts() -> None:
    """The default cap is the upper quartile of the fraud amounts, of which there must be at least 20."""
    before = pairs(25, outcome=np.full(25, Outcome.FRAUD), amount_minor=[*range(100, 125)])
    assert default_cap(before) == 118
    with pytest.raises(DataError, match="has 19 frauds"):
        default_cap(before.take(slice(19)))


@pytest.mark.parametrize(
    ("before", "message"),
    [
        (pairs(COUNT + 1), "overlaps the test"),
        (pairs(0), "has 0 cohorts"),
        (earlier().take(slice(COUNT - 14 * 50 + 1, COUNT)), "has 13 cohorts"),
        (earlier(champion_verdict=np.zeros(COUNT)), "alerted on none or all"),
        (earlier(champion_verdict=np.ones(COUNT)), "alerted on none or all"),
        (earlier(outcome=np.zeros(COUNT)), "no fraud"),
        (earlier(challenger_verdict=earlier().champion_verdict), "never differ"),
    ],
)
def test_an_earlier_period_with_too_little_information_is_refused(before: Pairs, message: str) -> None:
    """An earlier period with too little information is rejected, and the error says what is needed."""
    with pytest.raises(DataError, match=message):
        plan(before)


def test_a_plan_survives_json() -> None:
    """A plan survives JSON, in which it is written before the first tested cohort and read at each evaluation."""
    assert msgspec.json.decode(msgspec.json.encode(PLAN), type=Plan) == PLAN

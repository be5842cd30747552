"""Policies are chosen on validation scores: by F1 for comparisons, by cost or budget for deployment."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import DataError
from schemas.messages import Policy
from stream.scoring.policy import severities
from tests.training.evaluation.simulated_rows import scored, simulated, small
from training.evaluation.alert_figures import alert_figures
from training.evaluation.costs import Costs
from training.evaluation.operating_points import (
    DECLINE_PRECISION,
    PolicyKind,
    choose_by_budget,
    choose_by_cost,
    choose_comparison,
    daily_budget,
)
from training.evaluation.ranking import DAY_MS
from training.evaluation.scored_rows import ScoredRows

KINDS: tuple[PolicyKind, ...] = ("score", "expected_loss")


def reviewed_cost(rows: ScoredRows, alerts: np.ndarray[tuple[int], np.dtype[np.bool_]], costs: Costs) -> float:
    """Return the total cost if the given alerts are reviewed and no transaction is declined."""
    return float(costs.of_verdicts(alerts.astype(np.intp), rows.labels, rows.amount_minor).sum())


@given(small())
def test_the_comparison_point_has_the_largest_expected_f1(rows: ScoredRows) -> None:
    """No other threshold has a larger expected F1 than the comparison point, and declines are precise enough."""
    policy = choose_comparison(rows, "v")
    scores = rows.scores.astype(np.float64)

    def expected(threshold: float) -> float:
        alerts = scores >= threshold
        return float(2 * scores[alerts].sum() / max(alerts.sum() + scores.sum(), 1e-300))

    assert expected(policy.review) == pytest.approx(max(map(expected, scores)))
    declined = rows.scores >= policy.decline
    assert policy.decline == 1 or rows.labels[declined].mean() >= DECLINE_PRECISION


def test_thresholds_lie_between_scores() -> None:
    """Thresholds lie between scores, so rounding the last digit of a score does not change its verdict."""
    rows = scored([0.1, 0.2, 0.6, 0.9], [0, 0, 1, 1])
    policy = choose_comparison(rows, "v")
    assert (round(policy.review, 6), round(policy.decline, 6)) == (0.4, 0.4)
    rounded = np.nextafter(rows.scores, np.float32(0))
    for scores in (rows.scores, rounded):
        assert severities(scores, policy, rows.amount_minor).tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_declined_when_nothing_is_certain(kind: PolicyKind) -> None:
    """Nothing is declined if the row with the highest score is legitimate, because no threshold is precise enough."""
    rows = scored([0.1, 0.5, 0.9], [0, 1, 0], [9000, 9000, 9000])
    assert choose_comparison(rows, "v").decline == 1.0
    assert choose_by_cost(rows, Costs(), kind, "v").decline == 1.0


@settings(max_examples=100, deadline=None)
@given(small(), st.sampled_from(KINDS), st.sampled_from([0, 1, 60, 500, 20_000]))
def test_no_other_cut_is_cheaper(rows: ScoredRows, kind: PolicyKind, review_cost: int) -> None:
    """No other cut is cheaper than the chosen cut, including reviewing nothing and reviewing everything."""
    costs = Costs(review_cost_minor=review_cost)
    policy = choose_by_cost(rows, costs, kind, "v")
    assert (policy.kind, policy.version) == (kind, "v")
    alerts = severities(rows.scores, policy, rows.amount_minor) > 0
    rank = rows.scores.astype(float) if kind == "score" else np.floor(rows.scores.astype(float) * rows.amount_minor)
    others = [reviewed_cost(rows, rank >= cut, costs) for cut in rank if kind == "score" or cut >= 1]
    if kind == "expected_loss" or rows.scores.max() < 1:  # a score of 1 reaches every threshold there is
        others.append(reviewed_cost(rows, np.zeros(len(rows), dtype=np.bool_), costs))
        assert reviewed_cost(rows, alerts, costs) == pytest.approx(min(others))
    else:
        assert reviewed_cost(rows, alerts, costs) <= min(others) * (1 + 1e-9)


def test_a_score_of_one_is_always_alerted() -> None:
    """If raising no alerts would be cheapest but a score of 1 always alerts, the cheapest possible cut is chosen."""
    rows = scored([0.125, 0.0, 1.0], [1, 0, 0], amounts=[250, 0, 0])
    costs = Costs(review_cost_minor=60)
    policy = choose_by_cost(rows, costs, "score", "v")
    alerts = severities(rows.scores, policy, rows.amount_minor) > 0
    assert alerts.tolist() == [True, False, True]


def test_reviews_that_cost_more_than_they_save_are_not_made() -> None:
    """Frauds with an amount of 100 are approved if a review costs 1,000."""
    rows = scored([0.1, 0.6, 0.9], [0, 1, 1])
    for kind in KINDS:
        policy = choose_by_cost(rows, Costs(review_cost_minor=1000), kind, "v")
        assert severities(rows.scores, policy, rows.amount_minor).tolist() == [0, 0, 0]


def test_a_policy_that_weighs_amounts_costs_less() -> None:
    """On new transactions with true probabilities and amounts of all sizes, a policy that weighs amounts costs less."""
    costs = Costs()
    validation, test = (simulated(60_000, seed=seed, skill=3, fraud_share=0.005) for seed in (1, 2))
    by_score, by_loss = (
        alert_figures(test, choose_by_cost(validation, costs, kind, "v"), costs).values()["expected_cost"]
        for kind in KINDS
    )
    assert by_loss < 0.95 * by_score


def test_the_cheapest_review_cost_is_near_the_true_one() -> None:
    """If scores are probabilities, the best threshold on score · amount is near the cost over the recovered share."""
    policy = choose_by_cost(simulated(300_000, skill=3, fraud_share=0.01), Costs(), "expected_loss", "v")
    assert policy.review_cost_minor == pytest.approx(500 / 0.9, rel=0.5)


@settings(max_examples=100, deadline=None)
@given(small(classes=1), st.sampled_from(KINDS), st.integers(0, 45))
def test_a_budget_is_used_and_never_exceeded(rows: ScoredRows, kind: PolicyKind, budget: int) -> None:
    """A budget is never exceeded and, except for ties, used up; if the top tie alone exceeds it, that is an error."""
    rank = rows.scores.astype(float) if kind == "score" else np.floor(rows.scores.astype(float) * rows.amount_minor)
    cuts = [cut for cut in rank if kind == "score" or cut >= 1]
    fitting = [int((rank >= cut).sum()) for cut in cuts if (rank >= cut).sum() <= budget]
    if not fitting:
        with pytest.raises(DataError, match=f"a budget of {budget} alerts for .* is smaller than"):
            choose_by_budget(rows, budget, kind, "v")
        return
    policy = choose_by_budget(rows, budget, kind, "v")
    assert (severities(rows.scores, policy, rows.amount_minor) > 0).sum() == max(fitting)


def test_a_daily_budget_depends_on_the_length_of_the_validation_part() -> None:
    """A validation split of half a day allows half of the daily budget."""
    rows = scored([0.1] * 1000, [0] * 1000, times=np.linspace(0, DAY_MS / 2, 1000))
    assert daily_budget(rows, 30) == 15


def test_expected_loss_declines_only_what_it_reviews() -> None:
    """A certain fraud of a few cents is approved, and among the reviewed rows, nearly certain frauds are declined."""
    rows = scored([0.99, 0.98, 0.9, 0.1, 0.05], [1, 1, 1, 0, 0], [10, 50_000, 60_000, 70_000, 10])
    policy = choose_by_cost(rows, Costs(), "expected_loss", "v")
    assert severities(rows.scores, policy, rows.amount_minor).tolist() == [0, 2, 2, 0, 0]
    assert 0.1 < policy.decline < 0.9


def test_one_class_is_an_error() -> None:
    """A validation split with only one class causes a one-line error."""
    rows = scored([0.1, 0.2], [0, 0])
    with pytest.raises(DataError, match="all 2 transactions are legitimate"):
        choose_comparison(rows, "v")
    with pytest.raises(DataError, match="all 2 transactions are legitimate"):
        choose_by_cost(rows, Costs(), "score", "v")


def test_a_chosen_policy_is_a_message_struct() -> None:
    """A chosen policy has the type used in manifests, with a version and both thresholds."""
    policy = choose_by_budget(simulated(1000), 10, "expected_loss", "lightgbm-budget")
    assert isinstance(policy, Policy)
    assert isinstance(policy.review_cost_minor, int)
    assert (policy.version, policy.review) == ("lightgbm-budget", 0.0)

"""The evidence from one closed cohort: a few totals, computed once and stored."""

from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from stream.evaluation.cohorts import MISSING, Cohort, Pairs
from stream.evaluation.costs import CappedCosts

#: How a challenger ranks transactions: by score, or by score · amount if its policy has the kind expected_loss.
RankKind = Literal["score", "expected_loss"]


class ComparisonMetric(Struct, frozen=True):
    """How two models are compared; frozen before the first tested cohort."""

    costs: CappedCosts
    #: Rank value at and above which the challenger alerts as often as the champion did in the earlier period.
    threshold: Annotated[float, Meta(ge=0)]
    rank: RankKind = "score"


class Evidence(Struct, frozen=True):
    """The totals over one closed cohort that the gate uses."""

    start_ms: int
    end_ms: int
    transactions: int
    #: Frauds among the transactions with a weight.
    frauds: int
    #: Transactions without a score from the challenger, for which the champion's verdict counts instead.
    missing: int
    #: Transactions on which the two models' verdicts differ.
    differing: int
    #: Differing transactions that are unobservable: their outcome will never be known, and no weight represents them.
    undecided: int
    #: Transactions that each model's own policy reviews or declines.
    champion_alerts: int
    challenger_alerts: int
    #: Numbers of transactions and of frauds that the transactions with an outcome represent.
    weight: float
    fraud_weight: float
    #: Actual frauds, and frauds expected from the challenger's scores, among the transactions that it scored.
    scored_frauds: float
    expected_frauds: float
    #: Weighted cost of each model's verdicts in minor units, with a cap on each transaction's loss.
    champion_cost_minor: float
    challenger_cost_minor: float
    #: Weighted number of frauds that each model alerts on at equal alert rates.
    champion_caught: float
    challenger_caught: float


def take_evidence(metric: ComparisonMetric, cohort: Cohort) -> Evidence:
    """Return the evidence from a closed cohort.

    Take the evidence once, when the cohort closes, and store it: a label that changes later must not change evidence
    that the test has already used. To see what has changed, take evidence again and call `label_revisions`.
    """
    pairs = cohort.pairs
    missing = pairs.challenger_verdict == MISSING
    challenger_verdict = np.where(missing, pairs.champion_verdict, pairs.challenger_verdict)
    champion_alerts = pairs.champion_verdict > 0
    equal_alerts = np.where(missing, champion_alerts, rank_values(pairs, metric.rank) >= metric.threshold)
    differs = pairs.champion_verdict != challenger_verdict
    weight, fraud, scored = pairs.weight, pairs.fraud, ~missing
    fraud_weight = weight * fraud
    champion_cost, challenger_cost = (
        float(weight @ metric.costs.cost_of(verdicts, fraud, pairs.amount_minor))
        for verdicts in (pairs.champion_verdict, challenger_verdict)
    )
    return Evidence(
        cohort.start_ms,
        cohort.end_ms,
        transactions=len(pairs),
        frauds=int((fraud_weight > 0).sum()),
        missing=int(missing.sum()),
        differing=int(differs.sum()),
        undecided=int((differs & pairs.unobservable).sum()),
        champion_alerts=int(champion_alerts.sum()),
        challenger_alerts=int((challenger_verdict > 0).sum()),
        weight=float(weight.sum()),
        fraud_weight=float(fraud_weight.sum()),
        scored_frauds=float(fraud_weight[scored].sum()),
        expected_frauds=float(weight[scored] @ pairs.challenger_score[scored]),
        champion_cost_minor=champion_cost,
        challenger_cost_minor=challenger_cost,
        champion_caught=float(fraud_weight @ champion_alerts),
        challenger_caught=float(fraud_weight @ equal_alerts),
    )


def label_revisions(taken: Evidence, retaken: Evidence) -> dict[str, tuple[float, float]]:
    """Return how later labels affect the evidence, as {field: (then, now)} for the fields that differ.

    The result is for reports, and must not be fed back into the test.

    Args:
        taken: Evidence from the cohort as the gate used it.
        retaken: Evidence from the same cohort, taken now.
    """
    fields = ("transactions", "frauds", "undecided", "champion_cost_minor", "challenger_cost_minor")
    both = {field: (float(getattr(taken, field)), float(getattr(retaken, field))) for field in fields}
    return {field: (then, now) for field, (then, now) in both.items() if then != now}


def rank_values(pairs: Pairs, kind: RankKind) -> NDArray[np.float64]:
    """Return the (n,) values by which the challenger ranks transactions; NaN where it gave no score."""
    return pairs.challenger_score * (pairs.amount_minor if kind == "expected_loss" else 1)

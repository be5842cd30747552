"""The evidence of one closed cohort: a few figures, taken once and stored."""

from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from stream.evaluation.cohorts import MISSING, Cohort, Pairs
from stream.evaluation.costs import CappedCosts

#: How a challenger ranks transactions: by score, or by score · amount if its policy is of kind expected_loss.
RankKind = Literal["score", "expected_loss"]


class ComparisonMetric(Struct, frozen=True):
    """How two models are compared; frozen before the first tested cohort."""

    costs: CappedCosts
    #: Rank value from which the challenger alerts as often as the champion did in the earlier period.
    threshold: Annotated[float, Meta(ge=0)]
    rank: RankKind = "score"


class Evidence(Struct, frozen=True):
    """The figures of one closed cohort, as the gate uses them."""

    start_ms: int
    end_ms: int
    transactions: int
    #: Frauds among the transactions with a weight.
    frauds: int
    #: Transactions without a score of the challenger; the champion's verdict counts instead.
    missing: int
    #: Transactions with different verdicts.
    differing: int
    #: Differing transactions that are unobservable: their outcome will not be known, and no weight represents it.
    undecided: int
    #: Transactions that each model's own policy reviews or declines.
    champion_alerts: int
    challenger_alerts: int
    #: Number of transactions, and of frauds, that the ones with an outcome represent.
    weight: float
    fraud_weight: float
    #: Over transactions with a score of the challenger: frauds that happened, and frauds that its scores expected.
    scored_frauds: float
    expected_frauds: float
    #: Minor units, capped by transaction, weighted.
    champion_cost_minor: float
    challenger_cost_minor: float
    #: Frauds that each model alerts at equal alert rate, weighted.
    champion_caught: float
    challenger_caught: float


def take_evidence(metric: ComparisonMetric, cohort: Cohort) -> Evidence:
    """Return the evidence of a closed cohort.

    Take it once, when the cohort closes, and store it: a label that changes later must not change evidence that the
    test has already used. Taking it again later shows what has changed (`label_revisions`).
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
    """Return the effect of labels that came or changed later: {field: (then, now)} of the fields that differ.

    It is for reports, and must not be fed back into the test.

    Args:
        taken: Evidence of the cohort as the gate used it.
        retaken: Evidence of the same cohort, taken now.
    """
    fields = ("transactions", "frauds", "undecided", "champion_cost_minor", "challenger_cost_minor")
    both = {field: (float(getattr(taken, field)), float(getattr(retaken, field))) for field in fields}
    return {field: (then, now) for field, (then, now) in both.items() if then != now}


def rank_values(pairs: Pairs, kind: RankKind) -> NDArray[np.float64]:
    """Return (n,) the values by which the challenger ranks transactions; NaN where it gave no score."""
    return pairs.challenger_score * (pairs.amount_minor if kind == "expected_loss" else 1)

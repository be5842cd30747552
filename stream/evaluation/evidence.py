"""What one closed cohort says, in a few numbers that are taken once and kept."""

from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from stream.evaluation.cohorts import MISSING, Cohort, Pairs
from stream.evaluation.costs import CappedCosts

#: A challenger whose policy is of kind expected_loss ranks by score · amount.
RankKind = Literal["score", "expected_loss"]


class ComparisonMetric(Struct, frozen=True):
    """By what two models are compared; frozen before the first tested cohort."""

    costs: CappedCosts
    #: The challenger's rank from which it alerts as often as the champion did before.
    threshold: Annotated[float, Meta(ge=0)]
    rank: RankKind = "score"


class Evidence(Struct, frozen=True):
    """One closed cohort as the gate sees it."""

    start_ms: int
    end_ms: int
    transactions: int
    #: Transactions known to be frauds, of those that count.
    frauds: int
    #: Transactions without the challenger's score; the champion decides these in its stead.
    missing: int
    #: Transactions with different verdicts, and those of them whose outcome nothing stands for.
    differing: int
    undecided: int
    #: Transactions reviewed or declined, by each model's own policy.
    champion_alerts: int
    challenger_alerts: int
    #: How many transactions, and how many frauds, the known ones stand for.
    weight: float
    fraud_weight: float
    #: Of those that the challenger scored: how many frauds there were, and how many its scores expected.
    scored_frauds: float
    expected_frauds: float
    #: Minor units, capped by transaction, weighted.
    champion_cost_minor: float
    challenger_cost_minor: float
    #: Frauds that each model alerted, at equal alert rate, weighted.
    champion_caught: float
    challenger_caught: float


def take_evidence(measure: ComparisonMetric, cohort: Cohort) -> Evidence:
    """Return what a closed cohort says.

    Take it once, when the cohort closes, and keep it: a label that changes later must not change what the test has
    already been told. Taken again later, it shows what has changed (`revised`).
    """
    pairs = cohort.pairs
    missing = pairs.challenger_verdict == MISSING
    challenger_verdict = np.where(missing, pairs.champion_verdict, pairs.challenger_verdict)
    champion_alerts = pairs.champion_verdict > 0
    equal_alerts = np.where(missing, champion_alerts, ranks(pairs, measure.rank) >= measure.threshold)
    differs = pairs.champion_verdict != challenger_verdict
    weight, fraud, scored = pairs.weight, pairs.fraud, ~missing
    fraud_weight = weight * fraud
    champion_cost, challenger_cost = (
        float(weight @ measure.costs.of(verdicts, fraud, pairs.amount_minor))
        for verdicts in (pairs.champion_verdict, challenger_verdict)
    )
    return Evidence(
        cohort.start_ms,
        cohort.end_ms,
        transactions=len(pairs),
        frauds=int((fraud_weight > 0).sum()),
        missing=int(missing.sum()),
        differing=int(differs.sum()),
        undecided=int((differs & pairs.unseen).sum()),
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


def revised(taken: Evidence, again: Evidence) -> dict[str, tuple[float, float]]:
    """Return what labels that came or changed later would have said: {field: (then, now)} of the fields that differ.

    For a report; never fed back.

    Args:
        taken: The cohort's evidence as the gate was told it.
        again: The same cohort's, taken now.
    """
    fields = ("transactions", "frauds", "undecided", "champion_cost_minor", "challenger_cost_minor")
    both = {field: (float(getattr(taken, field)), float(getattr(again, field))) for field in fields}
    return {field: (then, now) for field, (then, now) in both.items() if then != now}


def ranks(pairs: Pairs, kind: RankKind) -> NDArray[np.float64]:
    """Return (n,) by what the challenger ranks transactions; NaN where it has no score."""
    return pairs.challenger_score * (pairs.amount_minor if kind == "expected_loss" else 1)

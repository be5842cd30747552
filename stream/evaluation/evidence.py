"""What one closed cohort says, in a few numbers that are taken once and kept."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stream.evaluation.cohorts import MISSING, Cohort
from stream.evaluation.plan import Plan

Floats = NDArray[np.float64]


class Evidence(Struct, frozen=True):
    """One closed cohort as the gate sees it; JSON keeps it.

    The unit of betting is a card within a cohort: several frauds of one card are one event, caught or missed together,
    and count as one value up to the card's cap. Cards are independent of each other, transactions of a card are not.
    What is left is a spell of frauds that a border cuts in two; cohorts are long beside spells, and the simulation
    cuts some.
    """

    start_ms: int
    end_ms: int
    transactions: int
    #: Cards with a known outcome: how many values there are, with those that are 0.
    cards: int
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
    #: Sum of weights: how many transactions the known ones stand for.
    weight: float
    #: The same of frauds that the challenger scored, and how many its scores expected among them all.
    scored_frauds: float
    expected_frauds: float
    #: Minor units, capped and weighted.
    champion_cost_minor: float
    challenger_cost_minor: float
    #: At equal alert rate, capped and weighted: frauds, and those that each model alerted.
    counted_frauds: float
    champion_caught: float
    challenger_caught: float
    #: For each card whose cost differs: (champion's cost - challenger's) / card cap, in [-1, 1].
    cost_gains: tuple[float, ...]
    #: For each card with frauds: (caught by the challenger - caught by the champion + margin · frauds) / its largest
    #: possible value, in [-1, 1].
    recall_gains: tuple[float, ...]


def take_evidence(plan: Plan, cohort: Cohort) -> Evidence:
    """Return what a closed cohort says under a plan.

    Take it once, when the cohort closes, and keep it: a label that changes later must not change what the test has
    already been told. Taken again later, it shows what has changed (`revised`).
    """
    pairs = cohort.pairs
    missing = pairs.challenger_verdict == MISSING
    challenger_verdict = np.where(missing, pairs.champion_verdict, pairs.challenger_verdict)
    champion_alerts, challenger_alerts = pairs.champion_verdict > 0, challenger_verdict > 0
    differs = pairs.champion_verdict != challenger_verdict
    counts = pairs.weight > 0
    fraud = pairs.fraud & counts
    scored = counts & ~missing

    matters = np.flatnonzero(fraud | (counts & (champion_alerts | challenger_alerts)))
    champion_cost, challenger_cost = (
        _by_card(
            pairs.card[matters],
            pairs.weight[matters] * plan.costs.of(verdicts[matters], fraud[matters], pairs.amount_minor[matters]),
            plan.costs.card_cap_minor,
        )
        for verdicts in (pairs.champion_verdict, challenger_verdict)
    )
    cost_gains = (champion_cost - challenger_cost) / plan.costs.card_cap_minor

    equal_alerts = np.where(missing, champion_alerts, plan.ranks(pairs) >= plan.threshold)
    frauds, champion_caught, challenger_caught = (
        _by_card(pairs.card[fraud], (pairs.weight * alerted)[fraud], plan.card_cap_frauds)
        for alerted in (np.ones(len(pairs)), champion_alerts, equal_alerts)
    )
    recall_gains = challenger_caught - champion_caught + plan.recall_margin * frauds
    return Evidence(
        cohort.start_ms,
        cohort.end_ms,
        transactions=len(pairs),
        cards=len(np.unique(pairs.card[counts])),
        frauds=int(fraud.sum()),
        missing=int(missing.sum()),
        differing=int(differs.sum()),
        undecided=int((differs & pairs.unseen).sum()),
        champion_alerts=int(champion_alerts.sum()),
        challenger_alerts=int(challenger_alerts.sum()),
        weight=float(pairs.weight.sum()),
        scored_frauds=float(pairs.weight[fraud & scored].sum()),
        expected_frauds=float((pairs.weight[scored] * pairs.challenger_score[scored]).sum()),
        champion_cost_minor=float(champion_cost.sum()),
        challenger_cost_minor=float(challenger_cost.sum()),
        counted_frauds=float(frauds.sum()),
        champion_caught=float(champion_caught.sum()),
        challenger_caught=float(challenger_caught.sum()),
        cost_gains=tuple(cost_gains[cost_gains != 0].tolist()),
        recall_gains=tuple((recall_gains / (plan.card_cap_frauds * (1 + plan.recall_margin))).tolist()),
    )


def revised(taken: Evidence, again: Evidence) -> dict[str, tuple[float, float]]:
    """Return what labels that came or changed later would have said: {field: (then, now)} of the fields that differ.

    For a report; never fed back.

    Args:
        taken: The cohort's evidence as the gate was told it.
        again: The same cohort's, taken now.
    """
    fields = ("transactions", "frauds", "undecided", "champion_cost_minor", "challenger_cost_minor")
    pairs = {field: (float(getattr(taken, field)), float(getattr(again, field))) for field in fields}
    return {field: (then, now) for field, (then, now) in pairs.items() if then != now}


def _by_card(card: NDArray[np.int64], values: Floats, cap: float) -> Floats:
    """Return the sum of each card's values up to a cap, in order of cards."""
    return np.minimum(np.bincount(np.unique(card, return_inverse=True)[1], weights=values), cap)

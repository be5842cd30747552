"""Choosing a policy, on the validation part only: one to compare models by, and the one that is deployed."""

from typing import Literal

import numpy as np

from schemas.errors import DataError
from schemas.messages import Policy
from stream.scoring.policy import severities
from training.evaluation.costs import Costs
from training.evaluation.cuts import Cuts, cuts_by_loss, cuts_by_score
from training.evaluation.ranking import DAY_MS
from training.evaluation.scored_rows import ScoredRows

#: Of `schemas.messages.Policy`.
PolicyKind = Literal["score", "expected_loss"]
#: A decline turns a customer away without a person having looked: at most one in a hundred may be wrong.
DECLINE_PRECISION = 0.99


def choose_comparison(validation: ScoredRows, version: str) -> Policy:
    """Review where F1 is largest: how papers compare models. Never deployed, for it knows no cost and no budget.

    F1 is what the calibrated scores expect it to be (Z. Lipton et al., "Optimal Thresholding of Classifiers to Maximize
    F1 Measure", 2014), not what the labels happen to say: among some dozens of frauds the count's maximum is mostly
    luck. Thresholds so chosen on one half of the validation parts of ten splits had an F1 of .859 on the other, those
    of the counted maximum .852.

    Args:
        validation: With calibrated scores.
        version: Of the policy.

    Raises:
        DataError: If the validation part is all of one class.
    """
    validation.require_both_classes()
    cuts = cuts_by_score(validation.scores)
    frauds = validation.scores.astype(np.float64)
    # Where every score is 0 nothing is expected, and nothing is alerted on.
    f1 = 2 * cuts.sums(frauds) / np.maximum(cuts.alerts + frauds.sum(), np.finfo(np.float64).tiny)
    return _policy(validation, cuts, int(np.argmax(f1)), "score", version)


def choose_by_cost(validation: ScoredRows, costs: Costs, kind: PolicyKind, version: str) -> Policy:
    """Review where the whole cost is least, if each alert is reviewed; of equal cuts the one with fewest alerts.

    Raises:
        DataError: If the validation part is all of one class.
    """
    validation.require_both_classes()
    cuts = _cuts(validation, kind)
    whole = review_costs(validation, cuts, costs)
    if kind == "score" and validation.scores.max() >= 1:
        whole[0] = np.inf  # a score of 1 reaches every threshold there is: to alert on nothing is no choice then
    return _policy(validation, cuts, int(np.argmin(whole)), kind, version)


def choose_by_budget(validation: ScoredRows, alerts: int, kind: PolicyKind, version: str) -> Policy:
    """Review as much as a budget of alerts allows; see `budget_by_share` and `budget_by_day`.

    Raises:
        DataError: If not one alert fits into the budget.
    """
    cuts = _cuts(validation, kind)
    at = int(np.searchsorted(cuts.alerts, alerts, side="right")) - 1
    if at < 1:
        raise DataError(
            f"a budget of {alerts} alerts on {len(validation)} transactions is too small for the first of the ranking, "
            "where equal ones count together; allow more"
        )
    return _policy(validation, cuts, at, kind, version)


def budget_by_share(validation: ScoredRows, share: float) -> int:
    """Return how many alerts a share in (0, 1] of all transactions is."""
    return int(share * len(validation))


def budget_by_day(validation: ScoredRows, alerts_a_day: float) -> int:
    """Return how many alerts fit into the time from the first to the last event."""
    days = float(np.ptp(validation.event_time_ms)) / DAY_MS
    return int(alerts_a_day * days)


def review_costs(scored: ScoredRows, cuts: Cuts, costs: Costs) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return (k + 1,) what all transactions cost together when each cut's alerts are reviewed, in minor units."""
    approved, reviewed = (
        costs.of_verdicts(np.full(len(scored), verdict), scored.labels, scored.amount_minor) for verdict in (0, 1)
    )
    total: np.ndarray[tuple[int], np.dtype[np.float64]] = approved.sum() + cuts.sums(reviewed - approved)
    return total


def _cuts(scored: ScoredRows, kind: PolicyKind) -> Cuts:
    return cuts_by_score(scored.scores) if kind == "score" else cuts_by_loss(scored.scores, scored.amount_minor)


def _policy(validation: ScoredRows, cuts: Cuts, at: int, kind: PolicyKind, version: str) -> Policy:
    threshold = float(cuts.thresholds[at])
    if kind == "score":
        undecided = Policy(version, review=threshold, decline=1.0)
    else:
        undecided = Policy(version, review=0.0, decline=1.0, kind=kind, review_cost_minor=int(threshold))
    reviewed = severities(validation.scores, undecided, validation.amount_minor) > 0
    # A review threshold that no validation score reaches may lie above what would be declined.
    decline = max(_decline(validation, reviewed), undecided.review)
    return Policy(version, undecided.review, decline, kind, undecided.review_cost_minor)


def _decline(validation: ScoredRows, reviewed: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return the lowest threshold at which `DECLINE_PRECISION` of the reviewed rows it declines was fraud.

    Where none is, 1.0, so that practically nothing is declined.
    """
    cuts = cuts_by_score(validation.scores)
    declines, caught = cuts.sums(reviewed), cuts.sums(validation.labels * reviewed)
    # A cut must end with a reviewed row: below the last of them lie scores that nothing vouches for.
    precise = np.flatnonzero((np.diff(declines) > 0) & (caught[1:] >= DECLINE_PRECISION * declines[1:]))
    return float(cuts.thresholds[1:][precise[-1]]) if len(precise) else 1.0

"""Choose policies on the validation split: one to compare models by, and one to deploy."""

from typing import Literal

import numpy as np

from schemas.errors import DataError
from schemas.messages import Policy
from stream.scoring.policy import severities
from training.evaluation.costs import Costs
from training.evaluation.cuts import Cuts, cuts_by_loss, cuts_by_score
from training.evaluation.ranking import DAY_MS
from training.evaluation.scored_rows import ScoredRows

#: The kinds of `schemas.messages.Policy`.
PolicyKind = Literal["score", "expected_loss"]
#: A decline turns a customer away before anyone has reviewed the payment: at most one in a hundred may be wrong.
DECLINE_PRECISION = 0.99


def choose_comparison(validation: ScoredRows, version: str) -> Policy:
    """Return the policy with the largest F1, by which papers compare models.

    Never deploy this policy, because F1 ignores costs and budgets.

    F1 is the value expected from the calibrated scores (Z. Lipton et al., "Optimal Thresholding of Classifiers to
    Maximize F1 Measure", 2014), not the value counted from the labels: with a few dozen frauds, the maximum of the
    counted F1 is mostly luck. In an experiment on the validation splits of ten data splits, thresholds were chosen on
    one half and measured on the other. There, thresholds chosen by expected F1 had an F1 of 0.859, and thresholds
    chosen by counted F1 had an F1 of 0.852.

    Args:
        validation: Rows with calibrated scores.
        version: Version of the policy.

    Raises:
        DataError: If the validation split has only one class.
    """
    validation.require_both_classes()
    cuts = cuts_by_score(validation.scores)
    frauds = validation.scores.astype(np.float64)
    # If every score is 0, no fraud is expected, and the chosen cut has no alerts.
    f1 = 2 * cuts.sums(frauds) / np.maximum(cuts.alerts + frauds.sum(), np.finfo(np.float64).tiny)
    return _policy(validation, cuts, int(np.argmax(f1)), "score", version)


def choose_by_cost(validation: ScoredRows, costs: Costs, kind: PolicyKind, version: str) -> Policy:
    """Return the policy with the least total cost if every alert is reviewed, and among those, the fewest alerts.

    Raises:
        DataError: If the validation split has only one class.
    """
    validation.require_both_classes()
    cuts = _cuts(validation, kind)
    total = review_costs(validation, cuts, costs)
    if kind == "score" and validation.scores.max() >= 1:
        total[0] = np.inf  # a score of 1 reaches every threshold, so no alert at all is not an option
    return _policy(validation, cuts, int(np.argmin(total)), kind, version)


def choose_by_budget(validation: ScoredRows, alerts: int, kind: PolicyKind, version: str) -> Policy:
    """Return the policy that reviews as many transactions as the budget allows.

    Args:
        validation: Rows with calibrated scores.
        alerts: Largest number of alerts allowed on these rows, as returned by `daily_budget`.
        kind: Kind of the policy, which ranks by score, or by score times amount.
        version: Version of the policy.

    Raises:
        DataError: If the budget is too small for even one alert.
    """
    cuts = _cuts(validation, kind)
    at = int(np.searchsorted(cuts.alerts, alerts, side="right")) - 1
    if at < 1:
        raise DataError(
            f"a budget of {alerts} alerts for {len(validation)} transactions is smaller than the number of "
            "transactions that share the highest rank; allow more alerts per day"
        )
    return _policy(validation, cuts, at, kind, version)


def daily_budget(validation: ScoredRows, alerts_per_day: float) -> int:
    """Return the number of alerts that a daily budget allows between the first and the last transaction."""
    days = float(np.ptp(validation.event_time_ms)) / DAY_MS
    return int(alerts_per_day * days)


def review_costs(scored: ScoredRows, cuts: Cuts, costs: Costs) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the total cost (k + 1,) of all transactions, in minor units, if the alerts of each cut are reviewed."""
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
        review_only = Policy(version, review=threshold, decline=1.0)
    else:
        review_only = Policy(version, review=0.0, decline=1.0, kind=kind, review_cost_minor=int(threshold))
    reviewed = severities(validation.scores, review_only, validation.amount_minor) > 0
    # A review threshold that no validation score reaches may lie above the decline threshold.
    decline = max(_decline_threshold(validation, reviewed), review_only.review)
    return Policy(version, review_only.review, decline, kind, review_only.review_cost_minor)


def _decline_threshold(validation: ScoredRows, reviewed: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return the lowest threshold at which at least `DECLINE_PRECISION` of the declined rows are frauds.

    Only rows that would be reviewed can be declined. If there is no such threshold, return 1.0, at which practically
    nothing is declined.
    """
    cuts = cuts_by_score(validation.scores)
    declines, caught = cuts.sums(reviewed), cuts.sums(validation.labels * reviewed)
    # The threshold must follow a reviewed row, because no evidence supports declining scores below the last reviewed
    # row.
    precise = np.flatnonzero((np.diff(declines) > 0) & (caught[1:] >= DECLINE_PRECISION * declines[1:]))
    return float(cuts.thresholds[1:][precise[-1]]) if len(precise) else 1.0

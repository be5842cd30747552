"""Turns scores and amounts into verdicts, according to a policy."""

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Policy, Verdict

#: Verdicts in order of severity.
VERDICTS: tuple[Verdict, ...] = ("approve", "review", "decline")
#: A threshold above every score, used instead of infinity, which JSON does not have.
UNREACHABLE = 2.0


def thresholds(policy: Policy, amount_minor: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return, for each of n amounts, the lowest score at which it is reviewed; at most `UNREACHABLE`.

    The expected loss reaches the review cost (score · amount ≥ cost) exactly if score ≥ cost / amount.

    >>> by_loss = Policy("1", review=0, decline=0.9, kind="expected_loss", review_cost_minor=500)
    >>> thresholds(by_loss, np.array([0, 500, 2000]))
    array([2.  , 1.  , 0.25])
    """
    if policy.kind == "score":
        return np.full(len(amount_minor), policy.review)
    cost = float(policy.review_cost_minor)
    return cost / np.maximum(amount_minor, cost / UNREACHABLE)


def severities(scores: NDArray[np.floating], policy: Policy, amount_minor: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the (n,) verdicts on (n,) scores and amounts, as indices into `VERDICTS`.

    Scores are compared as doubles, so a model score that equals a threshold reaches the threshold.

    >>> scores = np.array([0.1, 0.5, 0.9], dtype=np.float32)
    >>> severities(scores, Policy("1", review=0.5, decline=0.8), np.array([100, 100, 100]))
    array([0, 1, 2])
    """
    return severities_at(scores, policy, thresholds(policy, amount_minor))


def severities_at(scores: NDArray[np.floating], policy: Policy, review: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the (n,) verdicts on (n,) scores with review thresholds from `thresholds`, as indices into `VERDICTS`."""
    exact = scores.astype(np.float64)
    reviewed = exact >= review
    # A transaction is declined only if it would at least be reviewed.
    return reviewed.astype(np.intp) + (reviewed & (exact >= policy.decline))

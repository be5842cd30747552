"""From scores to verdicts."""

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Policy, Verdict

#: By severity.
VERDICTS: tuple[Verdict, ...] = ("approve", "review", "decline")
#: Stands for every threshold above: no score is that high, and JSON has no infinity for an amount of zero.
UNREACHABLE = 2.0


def thresholds(policy: Policy, amount_minor: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (n,) the lowest score that is reviewed, for each amount (n,); `UNREACHABLE` at most.

    Expected loss reaches the review cost, score · amount ≥ cost, exactly where score ≥ cost / amount.

    >>> by_loss = Policy("1", review=0, decline=0.9, kind="expected_loss", review_cost_minor=500)
    >>> thresholds(by_loss, np.array([0, 500, 2000]))
    array([2.  , 1.  , 0.25])
    """
    if policy.kind == "score":
        return np.full(len(amount_minor), policy.review)
    cost = float(policy.review_cost_minor)
    return cost / np.maximum(amount_minor, cost / UNREACHABLE)


def severities(scores: NDArray[np.floating], policy: Policy, amount_minor: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return (n,) indices into `VERDICTS` of scores (n,) of transactions with these amounts (n,).

    Scores are compared as doubles, so a threshold that is itself a score of the model is reached by that score.

    >>> scores = np.array([0.1, 0.5, 0.9], dtype=np.float32)
    >>> severities(scores, Policy("1", review=0.5, decline=0.8), np.array([100, 100, 100]))
    array([0, 1, 2])
    """
    return graded(scores, policy, thresholds(policy, amount_minor))


def graded(scores: NDArray[np.floating], policy: Policy, review: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the same of scores whose `thresholds` (n,) are known already."""
    exact = scores.astype(np.float64)
    reviewed = exact >= review
    # Declined is only what would else be reviewed.
    return reviewed.astype(np.intp) + (reviewed & (exact >= policy.decline))

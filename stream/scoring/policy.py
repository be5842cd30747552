"""From scores to verdicts."""

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Policy, Verdict

#: By severity: the number of thresholds a score reaches.
VERDICTS: tuple[Verdict, ...] = ("approve", "review", "decline")


def severities(scores: NDArray[np.float32], policy: Policy, amount_minor: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return (n,) indices into `VERDICTS` of scores (n,) and amounts (n,) in minor units.

    Scores are compared as doubles, so a threshold that is itself a score of the model is reached by that score.

    >>> scores, amounts = np.array([0.1, 0.5, 0.9], dtype=np.float32), np.array([9000, 300, 10])
    >>> severities(scores, Policy("1", review=0.5, decline=0.8), amounts)
    array([0, 1, 2])
    >>> severities(scores, Policy("1", 0, 0.4, kind="expected_loss", review_cost_minor=100), amounts)
    array([1, 2, 0])
    """
    exact = scores.astype(np.float64)
    if policy.kind == "expected_loss":
        # As a threshold for each amount; 2 stands for none.
        cost = float(policy.review_cost_minor)
        reviewed = exact >= cost / np.maximum(amount_minor, cost / 2)
        return reviewed * (1 + (exact >= policy.decline).astype(np.intp))
    return np.searchsorted(np.array([policy.review, policy.decline]), exact, side="right")

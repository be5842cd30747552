"""From scores to verdicts."""

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Policy, Verdict

#: By severity: the number of thresholds a score reaches.
VERDICTS: tuple[Verdict, ...] = ("approve", "review", "decline")


def severities(scores: NDArray[np.float32], policy: Policy) -> NDArray[np.intp]:
    """Return (n,) indices into `VERDICTS`.

    Scores are compared as doubles, so a threshold that is itself a score of the model is reached by that score.

    >>> severities(np.array([0.1, 0.5, 0.9], dtype=np.float32), Policy("1", review=0.5, decline=0.8))
    array([0, 1, 2])
    """
    exact = scores.astype(np.float64)
    return np.searchsorted(np.array([policy.review, policy.decline]), exact, side="right")

"""Choosing the policy's thresholds, on the validation part only."""

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Policy
from training.models.families import Labels

#: A decline turns a customer away without a person having looked: at most one in a hundred may be wrong.
DECLINE_PRECISION = 0.99


def choose_policy(scores: NDArray[np.float32], labels: Labels, version: str) -> Policy:
    """Choose thresholds from validation scores.

    review: where F1 is largest. decline: the lowest threshold from there on at which at least `DECLINE_PRECISION` of
    what it declines was fraud; where none is, 1.0, so that practically nothing is declined.

    A threshold lies midway between two neighbouring scores, so no rounding of a score can cross it.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order].astype(np.float64)
    # The last row of each run of equal scores: a threshold takes all of a run or none of it.
    ends = np.flatnonzero(np.append(ordered[1:] < ordered[:-1], True))
    caught = np.cumsum(labels[order], dtype=np.int64)[ends]
    alerts = ends + 1
    f1 = 2 * caught / (alerts + labels.sum())
    distinct = ordered[ends]
    midway = (distinct + np.append(distinct[1:], 0.0)) / 2
    best = int(np.argmax(f1))
    precise = np.flatnonzero(caught[: best + 1] / alerts[: best + 1] >= DECLINE_PRECISION)
    decline = float(midway[precise[-1]]) if len(precise) else 1.0
    return Policy(version, review=float(midway[best]), decline=decline)

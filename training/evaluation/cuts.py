"""Every cut of a ranking into alerts and approvals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cuts:
    """k + 1 cuts of a ranking of n transactions, from no alert to the largest possible number.

    A cut alerts all transactions of equal rank or none of them.
    """

    #: (n,) transactions, most suspicious first.
    order: NDArray[np.intp]
    #: (k + 1,) number of transactions that each cut alerts, rising from 0.
    alerts: NDArray[np.intp]
    #: (k + 1,) threshold of each cut, midway between its last alert and the first approval.
    thresholds: NDArray[np.float64]

    def sums(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return (k + 1,) the sum of values (n,) over each cut's alerts."""
        totals = np.append(0.0, np.cumsum(values[self.order], dtype=np.float64))
        return totals[self.alerts]


def cuts_by_score(scores: NDArray[np.float32]) -> Cuts:
    """Return the cuts at score ≥ threshold.

    Thresholds lie midway between scores, so no rounding of a score can cross one. The threshold for no alert lies
    midway between the highest score and 1, and a score of 1 still reaches it.

    >>> cuts_by_score(np.array([0.25, 0.75, 0.25], dtype=np.float32))
    Cuts(order=array([1, 0, 2]), alerts=array([0, 1, 3]), thresholds=array([0.875, 0.5  , 0.125]))
    """
    order, alerts, distinct = _rank(scores.astype(np.float64))
    return Cuts(order, alerts, (np.append(1.0, distinct) + np.append(distinct, 0.0)) / 2)


def cuts_by_loss(scores: NDArray[np.float32], amount_minor: NDArray[np.int64]) -> Cuts:
    """Return the cuts at score · amount_minor ≥ threshold.

    Thresholds are whole minor units, at least 1, like costs of a review. So a loss below 1 is never alerted.

    >>> cuts_by_loss(np.array([0.5, 1, 0.5], dtype=np.float32), np.array([10, 30, 11])).thresholds
    array([31., 18.,  3.])
    """
    # A loss reaches a whole threshold exactly if its whole part does, so losses with equal whole parts are equal.
    order, alerts, distinct = _rank(np.floor(scores.astype(np.float64) * amount_minor))
    reachable = distinct >= 1
    distinct, alerts = distinct[reachable], alerts[np.append(True, reachable)]
    midway = np.ceil((distinct + np.append(distinct, 0.0)[1:]) / 2)
    no_alert = distinct[0] + 1 if len(distinct) else 1.0
    return Cuts(order, alerts, np.append(no_alert, midway))


def _rank(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the order, highest first, the number of alerts of each cut, and the k distinct values, falling."""
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    ends = np.flatnonzero(np.append(ordered[1:] < ordered[:-1], True))
    return order, np.append(0, ends + 1), ordered[ends]

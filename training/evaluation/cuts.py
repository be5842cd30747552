"""Enumerate every cut of a ranking into alerts and approvals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cuts:
    """k + 1 cuts of a ranking of n transactions, from no alert to the largest possible number.

    A cut alerts on all transactions of equal rank or on none of them.
    """

    #: Indices (n,) of the transactions, most suspicious first.
    order: NDArray[np.intp]
    #: Number of alerts (k + 1,) of each cut, ascending from 0.
    alerts: NDArray[np.intp]
    #: Threshold (k + 1,) of each cut, midway between its last alert and its first approval.
    thresholds: NDArray[np.float64]

    def sums(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the sums (k + 1,) of the values (n,) over the alerts of each cut."""
        totals = np.append(0.0, np.cumsum(values[self.order], dtype=np.float64))
        return totals[self.alerts]


def cuts_by_score(scores: NDArray[np.float32]) -> Cuts:
    """Return the cuts of the rule score ≥ threshold.

    Thresholds lie midway between scores, so no rounding of a score can cross one. The threshold without alerts lies
    midway between the highest score and 1, so a score of 1 still reaches it.

    >>> cuts_by_score(np.array([0.25, 0.75, 0.25], dtype=np.float32))
    Cuts(order=array([1, 0, 2]), alerts=array([0, 1, 3]), thresholds=array([0.875, 0.5  , 0.125]))
    """
    order, alerts, distinct = _rank(scores.astype(np.float64))
    return Cuts(order, alerts, (np.append(1.0, distinct) + np.append(distinct, 0.0)) / 2)


def cuts_by_loss(scores: NDArray[np.float32], amount_minor: NDArray[np.int64]) -> Cuts:
    """Return the cuts of the rule score · amount_minor ≥ threshold.

    Thresholds are whole minor units, at least 1, like the cost of a review. So an expected loss below 1 never alerts.

    >>> cuts_by_loss(np.array([0.5, 1, 0.5], dtype=np.float32), np.array([10, 30, 11])).thresholds
    array([31., 18.,  3.])
    """
    # A loss reaches a whole-number threshold exactly if the loss rounded down does, so losses are ranked rounded down.
    order, alerts, distinct = _rank(np.floor(scores.astype(np.float64) * amount_minor))
    reachable = distinct >= 1
    distinct, alerts = distinct[reachable], alerts[np.append(True, reachable)]
    midway = np.ceil((distinct + np.append(distinct, 0.0)[1:]) / 2)
    no_alert = distinct[0] + 1 if len(distinct) else 1.0
    return Cuts(order, alerts, np.append(no_alert, midway))


def _rank(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the order, highest first, the number of alerts of each cut, and the k distinct values, descending."""
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    ends = np.flatnonzero(np.append(ordered[1:] < ordered[:-1], True))
    return order, np.append(0, ends + 1), ordered[ends]

"""Every place where a ranking can be cut into alerts and approvals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cuts:
    """k + 1 cuts of a ranking of n transactions, from no alert to as many as can be.

    A cut takes all transactions of equal rank or none of them.
    """

    #: (n,) transactions, most suspicious first.
    order: NDArray[np.intp]
    #: (k + 1,) how many transactions each cut alerts; rises from 0.
    alerts: NDArray[np.intp]
    #: (k + 1,) each cut's threshold, midway between its last alert and the first approval.
    thresholds: NDArray[np.float64]

    def sums(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return (k + 1,) the sum of values (n,) over each cut's alerts."""
        totals = np.append(0.0, np.cumsum(values[self.order], dtype=np.float64))
        return totals[self.alerts]


def cuts_by_score(scores: NDArray[np.float32]) -> Cuts:
    """Cut by score ≥ threshold.

    Midway, so no rounding of a score can cross a threshold. The threshold of no alert lies midway to 1, where a
    score of 1 would still reach it.

    >>> cuts_by_score(np.array([0.25, 0.75, 0.25], dtype=np.float32))
    Cuts(order=array([1, 0, 2]), alerts=array([0, 1, 3]), thresholds=array([0.875, 0.5  , 0.125]))
    """
    order, alerts, distinct = _runs(scores.astype(np.float64))
    return Cuts(order, alerts, (np.append(1.0, distinct) + np.append(distinct, 0.0)) / 2)


def cuts_by_loss(scores: NDArray[np.float32], amount_minor: NDArray[np.int64]) -> Cuts:
    """Cut by score · amount_minor ≥ threshold; thresholds are whole minor units, at least 1, as review costs are.

    So a loss below 1 is never alerted.

    >>> cuts_by_loss(np.array([0.5, 1, 0.5], dtype=np.float32), np.array([10, 30, 11])).thresholds
    array([31., 18.,  3.])
    """
    # loss ≥ t just where its whole part is, so losses of one whole part cannot be told apart.
    order, alerts, distinct = _runs(np.floor(scores.astype(np.float64) * amount_minor))
    reachable = distinct >= 1
    distinct, alerts = distinct[reachable], alerts[np.append(True, reachable)]
    midway = np.ceil((distinct + np.append(distinct, 0.0)[1:]) / 2)
    no_alert = distinct[0] + 1 if len(distinct) else 1.0
    return Cuts(order, alerts, np.append(no_alert, midway))


def _runs(rank: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the order, highest first; the cuts' alerts; and the k distinct values, falling."""
    order = np.argsort(-rank, kind="stable")
    ordered = rank[order]
    ends = np.flatnonzero(np.append(ordered[1:] < ordered[:-1], True))
    return order, np.append(0, ends + 1), ordered[ends]

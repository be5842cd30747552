"""The alerts of two models on the same transactions, as deployed or at an equal number of alerts."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Policy
from stream.models.bundle import LoadedModel
from stream.scoring.policy import severities
from training.data.dataset import Dataset

Flags = NDArray[np.bool_]
#: deployed: each model alerts by its own policy. equal_alerts: the candidate alerts as many transactions as the
#: champion, those that its policy would alert first.
CompareAt = Literal["deployed", "equal_alerts"]


class ComparedAlerts(NamedTuple):
    """Which of n transactions each model alerts, and the share that each alerts by its own policy."""

    champion: Flags
    candidate: Flags
    champion_alert_rate: float
    candidate_alert_rate: float


def compared_alerts(
    champion: LoadedModel, candidate: LoadedModel, rows: Dataset, compare_at: CompareAt
) -> ComparedAlerts:
    """Return the alerts of both models on n transactions.

    Raises:
        DataError: If the transactions lack a feature of a model.
    """
    deployed, scores = [], []
    for model in (champion, candidate):
        scores.append(model.score(rows.matrix(model.plan)))
        deployed.append(severities(scores[-1], model.manifest.policy, rows.amount_minor) > 0)
    alerted = deployed[1]
    if compare_at == "equal_alerts":
        alerted = most_urgent(scores[1], candidate.manifest.policy, rows.amount_minor, int(deployed[0].sum()))
    return ComparedAlerts(deployed[0], alerted, float(deployed[0].mean()), float(deployed[1].mean()))


def most_urgent(scores: NDArray[np.float32], policy: Policy, amount_minor: NDArray[np.int64], count: int) -> Flags:
    """Return which of n transactions a policy alerts first if it may alert `count` of them.

    Transactions with equal scores are alerted together, so the number can differ by less than one such group.

    >>> scores = np.array([0.1, 0.9, 0.5, 0.5], dtype=np.float32)
    >>> most_urgent(scores, Policy("1", review=0.7, decline=0.9), np.full(4, 100), 1)
    array([False,  True, False, False])
    """
    if not count:
        return np.zeros(len(scores), dtype=np.bool_)
    urgency = scores.astype(np.float64) * (amount_minor if policy.kind == "expected_loss" else 1)
    least = np.sort(urgency)[-count]
    with_ties: Flags = urgency >= least
    without: Flags = urgency > least
    return with_ties if with_ties.sum() - count <= count - without.sum() else without

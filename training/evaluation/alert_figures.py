"""Metrics of a policy's alerts: rates, amounts and cost."""

import numpy as np
from scipy.sparse import csr_array

from schemas.messages import Policy
from stream.scoring.policy import severities
from training.evaluation.additive_figures import AdditiveFigures, Floats
from training.evaluation.costs import Costs
from training.evaluation.scored_rows import ScoredRows


def alert_figures(scored: ScoredRows, policy: Policy, costs: Costs) -> AdditiveFigures:
    """Return the metrics of the policy's alerts (reviews and declines).

    `precision`, `recall`, `f1`; `value_recall`, the share of the fraud amount that is alerted;
    `false_positives_per_fraud`, the number of legitimate transactions alerted per fraud alerted, undefined if no fraud
    is alerted; `expected_cost`, the mean cost of a transaction in minor units.
    """
    verdicts = severities(scored.scores, policy, scored.amount_minor)
    alert, fraud = (verdicts > 0).astype(np.float64), scored.labels.astype(np.float64)
    fraud_amount = fraud * scored.amount_minor
    cost = costs.of_verdicts(verdicts, scored.labels, scored.amount_minor)
    terms = (np.ones(len(scored)), fraud, alert, fraud * alert, fraud_amount, fraud_amount * alert, cost)
    return AdditiveFigures(csr_array(np.stack(terms)), _figures)


def _figures(sums: Floats) -> dict[str, Floats]:
    rows, frauds, alerts, caught, fraud_amount, alerted_amount, cost = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            # Precision is undefined without alerts; 0 is the cautious convention.
            "precision": np.where(alerts > 0, caught / alerts, 0.0),
            "recall": caught / frauds,
            "f1": 2 * caught / (alerts + frauds),
            "value_recall": alerted_amount / fraud_amount,
            "false_positives_per_fraud": np.where(caught > 0, (alerts - caught) / caught, np.nan),
            "expected_cost": cost / rows,
        }

"""Measure a model under a policy offline: each metric comes with a 95% bootstrap interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.errors import SettingsError
from schemas.manifest import Metric
from schemas.messages import Policy
from training.evaluation.additive_figures import AdditiveFigures, join
from training.evaluation.alert_figures import alert_figures
from training.evaluation.bootstrap import RESAMPLES, interval, resample
from training.evaluation.calibration import calibration_figures
from training.evaluation.costs import Costs
from training.evaluation.ranking import daily_figures, ranking_figures
from training.evaluation.scored_rows import ScoredRows

#: Names of the metrics. Models are selected by the first of them.
FIGURES = (
    "pr_auc",
    "roc_auc",
    "recall_at_alert_rate",
    "precision_at_alerts_a_day",
    "precision",
    "recall",
    "f1",
    "value_recall",
    "false_positives_per_fraud",
    "expected_cost",
    "brier",
    "mean_score_ratio",
)


#: Prefix of metrics at the threshold with the largest expected F1 on the validation split, used to compare models.
#: All other metrics that need a threshold use the deployed policy.
COMPARISON = "comparison_"
_COMPARED = ("precision", "recall", "f1")


@dataclass(frozen=True)
class FigureSettings:
    """Parameters of the metrics.

    Raises:
        SettingsError: If a setting is out of range.
    """

    #: Share of transactions, in (0, 1], for `recall_at_alert_rate`.
    alert_rate: float = 0.002
    #: Number of alerts that can be reviewed in a day, at least 1, for `precision_at_alerts_a_day`.
    alerts_per_day: int = 100
    costs: Costs = field(default_factory=Costs)

    def __post_init__(self) -> None:
        if not 0 < self.alert_rate <= 1:
            raise SettingsError("alert_rate must be above 0 and at most 1, because it is a share of all transactions")
        if self.alerts_per_day < 1:
            raise SettingsError("alerts_per_day must be at least 1")


DEFAULTS = FigureSettings()


def evaluate(
    scored: ScoredRows, policy: Policy, settings: FigureSettings = DEFAULTS, resamples: int = RESAMPLES
) -> dict[str, Metric]:
    """Return the metrics named in `FIGURES`.

    Metrics of ranking and calibration do not depend on the policy; the others measure its alerts. Metrics that are
    undefined on these transactions are left out, such as false positives per fraud if there is no alert on a fraud.

    Args:
        scored: Transactions with their scores.
        policy: Policy whose alerts are measured.
        settings: Parameters of the metrics.
        resamples: Number of bootstrap resamples.

    Raises:
        DataError: If the transactions are all frauds or all legitimate.
    """
    scored.require_both_classes()
    return measure(all_figures(scored, policy, settings), resamples)


def evaluate_both(
    scored: ScoredRows, deployed: Policy, comparison: Policy, settings: FigureSettings = DEFAULTS
) -> dict[str, Metric]:
    """Return the metrics under the deployed policy, and a few under the comparison policy.

    Raises:
        DataError: If the transactions are all frauds or all legitimate.
    """
    return evaluate(scored, deployed, settings) | as_comparison(evaluate(scored, comparison, settings))


def as_comparison(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return the metrics that are reported for the comparison policy, under names that begin with `COMPARISON`."""
    return {f"{COMPARISON}{name}": metrics[name] for name in _COMPARED if name in metrics}


def all_figures(scored: ScoredRows, policy: Policy, settings: FigureSettings) -> AdditiveFigures:
    """Return the metrics named in `FIGURES`, in that order."""
    return join(
        [
            ranking_figures(scored, settings.alert_rate),
            daily_figures(scored, settings.alerts_per_day),
            alert_figures(scored, policy, settings.costs),
            calibration_figures(scored),
        ]
    )


def measure(group: AdditiveFigures, resamples: int = RESAMPLES) -> dict[str, Metric]:
    """Return the metrics that are defined on the transactions, with their intervals."""
    draws = resample(group, resamples)
    metrics = {name: interval(value, draws[name]) for name, value in group.values().items()}
    return {
        name: metric for name, metric in metrics.items() if not (math.isnan(metric.value) or math.isnan(metric.low))
    }

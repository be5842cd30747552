"""Offline figures of a model under a policy, each with a 95 % bootstrap interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.errors import SettingsError
from schemas.manifest import Metric
from schemas.messages import Policy
from training.evaluation.additive_figures import AdditiveFigures, join
from training.evaluation.alerts import alert_figures
from training.evaluation.bootstrap import RESAMPLES, interval, resample
from training.evaluation.calibration import calibration_figures
from training.evaluation.costs import Costs
from training.evaluation.ranking import daily_figures, ranking_figures
from training.evaluation.scored_rows import ScoredRows

#: Best first: the figure that models are selected by leads.
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


#: Begins the name of a figure at the largest expected F1 on validation, as papers compare models; all others are at
#: the deployed thresholds.
COMPARISON = "comparison_"
_COMPARED = ("precision", "recall", "f1")


@dataclass(frozen=True)
class FigureSettings:
    """What the figures are asked at.

    Raises:
        SettingsError: If a setting is out of range.
    """

    #: Share of transactions, in (0, 1], for `recall_at_alert_rate`.
    alert_rate: float = 0.002
    #: Alerts that can be looked at in a day, at least 1, for `precision_at_alerts_a_day`.
    alerts_a_day: int = 100
    costs: Costs = field(default_factory=Costs)

    def __post_init__(self) -> None:
        if not 0 < self.alert_rate <= 1:
            raise SettingsError("alert_rate must be above 0 and at most 1: a share of all transactions")
        if self.alerts_a_day < 1:
            raise SettingsError("alerts_a_day must be at least 1")


DEFAULTS = FigureSettings()


def evaluate(
    scored: ScoredRows, policy: Policy, settings: FigureSettings = DEFAULTS, resamples: int = RESAMPLES
) -> dict[str, Metric]:
    """Measure `FIGURES`.

    Those of the ranking and of calibration need no policy; the others judge what it alerts. A figure that is
    undefined on these transactions (false positives per fraud when no fraud is alerted, say) is left out.

    Raises:
        DataError: If the transactions are all frauds or all legitimate.
    """
    scored.require_both_classes()
    return measure(all_figures(scored, policy, settings), resamples)


def evaluate_both(
    scored: ScoredRows, deployed: Policy, comparison: Policy, settings: FigureSettings = DEFAULTS
) -> dict[str, Metric]:
    """Measure `FIGURES` at the deployed operating point, and a few at the one that models are compared at.

    Raises:
        DataError: If the transactions are all frauds or all legitimate.
    """
    return evaluate(scored, deployed, settings) | as_comparison(evaluate(scored, comparison, settings))


def as_comparison(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Return what of the figures is worth telling of the comparison point, named so."""
    return {f"{COMPARISON}{name}": metrics[name] for name in _COMPARED if name in metrics}


def all_figures(scored: ScoredRows, policy: Policy, settings: FigureSettings) -> AdditiveFigures:
    """Return the tally of `FIGURES`, in that order."""
    return join(
        [
            ranking_figures(scored, settings.alert_rate),
            daily_figures(scored, settings.alerts_a_day),
            alert_figures(scored, policy, settings.costs),
            calibration_figures(scored),
        ]
    )


def measure(tally: AdditiveFigures, resamples: int = RESAMPLES) -> dict[str, Metric]:
    """Return the figures that are defined, with their intervals."""
    draws = resample(tally, resamples)
    found = {name: interval(value, draws[name]) for name, value in tally.values().items()}
    return {name: metric for name, metric in found.items() if not (math.isnan(metric.value) or math.isnan(metric.low))}

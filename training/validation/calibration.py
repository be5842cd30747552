"""Check that scores are probabilities: right on average, as spread as they should be, and right in every bin."""

from dataclasses import dataclass

from schemas.manifest import Metric
from training.evaluation.bootstrap import interval, resample
from training.evaluation.calibration import CalibrationBin, calibration_curve, calibration_figures
from training.evaluation.scored_rows import ScoredRows
from training.registry.experiment import flatten
from training.validation.check import CheckResult, CheckTable, judged, not_checked
from training.validation.recalibration import calibration_slope, error_by_chance, expected_error
from training.validation.thresholds import CalibrationLimits

_RATIO = "mean_score_ratio"
#: An error larger than this quantile of the errors by chance is not chance.
_CHANCE = 0.99


def check_calibration(scored: ScoredRows, limits: CalibrationLimits) -> CheckResult:
    """Measure three aspects of calibration, each compared with its limit only where the data can tell.

    The mean score over the fraud rate says whether scores are right on average (bootstrap interval); the slope, whether
    they are too extreme or too timid; and the expected calibration error, whether they are wrong in some range.

    Args:
        scored: Transactions that the model has not seen, with its scores.
        limits: Limits of the check.
    """
    frauds = int(scored.labels.sum())
    if frauds < limits.min_frauds:
        count = "no frauds" if not frauds else f"{frauds} fraud{'s' * (frauds > 1)}"
        return not_checked("calibration", f"{len(scored):,} transactions have {count}; {limits.min_frauds} are needed")
    if frauds == len(scored):
        return not_checked("calibration", f"all {frauds} transactions are frauds; legitimate ones are needed")
    group = calibration_figures(scored)
    measured = _Measured(
        interval(float(group.values()[_RATIO]), resample(group)[_RATIO]),
        calibration_slope(scored.scores, scored.labels),
        calibration_curve(scored),
        frauds / len(scored),
    )
    slope = _with_interval(measured.slope) if measured.slope else "-"
    text = (
        f"{frauds} frauds in {len(scored):,} transactions: mean score {_with_interval(measured.ratio)} times the fraud "
        f"rate, slope {slope}, expected error {measured.error / measured.rate:.0%} of the fraud rate"
    )
    rows = tuple(
        (f"{each.mean_score:.5f}", f"{each.fraud_rate.value:.5f}", f"{each.rows:,}", f"{each.frauds:,}")
        for each in measured.bins
    )
    table = CheckTable(("mean score", "fraud rate", "transactions", "frauds"), rows, text_columns=0)
    figures = measured.figures | {"frauds": frauds, "transactions": len(scored)}
    return judged("calibration", _problems(measured, limits), text, figures, table)


@dataclass(frozen=True)
class _Measured:
    #: Mean score divided by fraud rate.
    ratio: Metric
    #: None if it cannot be estimated.
    slope: Metric | None
    bins: list[CalibrationBin]
    #: Fraud rate.
    rate: float

    @property
    def error(self) -> float:
        return expected_error(self.bins)

    @property
    def figures(self) -> dict[str, float]:
        metrics = {_RATIO: self.ratio} | ({"slope": self.slope} if self.slope else {})
        chance = error_by_chance(self.bins, _CHANCE)
        return flatten(metrics) | {"expected_error": self.error, "expected_error_by_chance": chance}


def _problems(measured: _Measured, limits: CalibrationLimits) -> list[str]:
    problems, ratio, slope, share = [], measured.ratio, measured.slope, measured.error / measured.rate
    if ratio.low > limits.max_ratio or ratio.high < 1 / limits.max_ratio:
        problems.append(
            f"the mean score is {_with_interval(ratio)} times the fraud rate, outside {1 / limits.max_ratio:.2g} to "
            f"{limits.max_ratio:.2g}"
        )
    if slope is None:
        problems.append("the calibration slope cannot be estimated, because the scores are equal or all certain")
    elif slope.high < limits.min_slope or slope.low > limits.max_slope:
        problems.append(
            f"the calibration slope is {_with_interval(slope)}, outside {limits.min_slope:g} to {limits.max_slope:g}: "
            f"the scores are too {'extreme' if slope.value < 1 else 'timid'}"
        )
    if share > limits.max_error_share and measured.error > error_by_chance(measured.bins, _CHANCE):
        problems.append(
            f"the expected calibration error is {share:.0%} of the fraud rate, more than {limits.max_error_share:.0%}"
        )
    return problems


def _with_interval(metric: Metric) -> str:
    return f"{metric.value:.2f} ({metric.low:.2f} to {metric.high:.2f})"

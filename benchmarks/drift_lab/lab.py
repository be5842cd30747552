"""A complete run of the lab, from the data to all results on the page."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drift_lab import streams
from benchmarks.drift_lab.alert_rate import DoubledRateResult, alert_rate_alarms, double_alert_rates
from benchmarks.drift_lab.baselines.evidently import EvidentlyResult, EvidentlyRun
from benchmarks.drift_lab.baselines.river import RiverResult, run_river
from benchmarks.drift_lab.concept import ConceptDetection, ConceptTimeline, measure_detection, simulate_timeline
from benchmarks.drift_lab.power import DetectionPower, category_power, numeric_power
from benchmarks.drift_lab.trend import TrendDetection, detect_trends
from benchmarks.drift_lab.undisturbed import (
    FeatureMovement,
    JudgedWindows,
    feature_movements,
    judge_in_order,
    judge_sample,
)
from benchmarks.drift_lab.windows import WindowSample, draw_windows
from schemas.manifest import FalseAlarms
from stream.drift.alarm_rule import DriftLimits
from training.data.dataset import Dataset
from training.machine import Machine, describe_machine

#: Window sizes for judging the natural stream, in addition to the rule's own size.
_OTHER_ROWS = (1000, 10_000)
#: Number of days in the categorical sample, which only supplies undisturbed columns.
_CATEGORY_DAYS = 3
#: Number of undisturbed days for river's detectors.
_RIVER_DAYS = 1
_SEED = 0

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class LabSize:
    """Size of the lab: days in the undisturbed sample, and repetitions of each injection."""

    days: float = 30
    repetitions: int = 200


@dataclass(frozen=True)
class DriftLabResults:
    """All results on the page."""

    size: LabSize
    limits: DriftLimits
    #: Rows of the data.
    rows: int
    exchangeable: JudgedWindows
    #: Number of alert-rate alarms on the exchangeable sample.
    alert_alarms: int
    #: By rows per window.
    natural: Mapping[int, JudgedWindows]
    movements: Sequence[FeatureMovement]
    #: False alarms recorded in the manifest of the natural stream's bundle.
    cross_fitted: Sequence[FalseAlarms]
    power: Sequence[DetectionPower]
    trends: Sequence[TrendDetection]
    alert_rates: Sequence[DoubledRateResult]
    concept: Sequence[ConceptDetection]
    timeline: ConceptTimeline
    river: Sequence[RiverResult]
    #: Evidently's results by scenario; None if Evidently is not installed.
    evidently: Mapping[str, EvidentlyResult] | None
    machine: Machine
    seconds: float


def run_lab(
    data: Dataset,
    size: LabSize,
    scratch: Path,
    on_step: OnStep,
    *,
    limits: DriftLimits,
    evidently_python: Path | None,
) -> DriftLabResults:
    """Run the whole lab.

    Args:
        data: Rows in order of event time.
        size: Days and repetitions to run.
        scratch: Directory for the bundles that are trained.
        on_step: Called with a description of each step.
        limits: Window size and limits of the drift rule.
        evidently_python: Interpreter of Evidently's environment; None skips Evidently.

    Raises:
        FraudError: If no model can be trained on the data, or Evidently fails.
    """
    began, machine = time.monotonic(), describe_machine(())
    on_step("the exchangeable stream")
    stream = streams.exchangeable_stream(data, scratch / "exchangeable", _SEED)
    sample = draw_windows(stream, limits, size.days, _SEED)
    with ExitStack() as stack:
        evidently = stack.enter_context(EvidentlyRun(sample, evidently_python)) if evidently_python else None
        power, trends = _power_and_trends(data, sample, size, scratch, on_step)
        river_sample = draw_windows(stream, limits, min(_RIVER_DAYS, size.days), _SEED)
        river = run_river(river_sample, _SEED, on_step)
        on_step("the natural stream")
        natural = streams.natural_stream(data, scratch / "natural")
        sizes = [rows for rows in sorted({limits.window_rows, *_OTHER_ROWS}) if rows <= len(natural.matrix)]
        on_step("alert rate and concept drift")
        return DriftLabResults(
            size=size,
            limits=limits,
            rows=len(data),
            exchangeable=judge_sample(sample),
            alert_alarms=alert_rate_alarms(sample),
            natural={rows: judge_in_order(natural, limits, rows) for rows in sizes},
            movements=feature_movements(natural),
            cross_fitted=natural.manifest.false_alarms,
            power=power,
            trends=trends,
            alert_rates=double_alert_rates(sample, size.repetitions, _SEED),
            concept=measure_detection(stream, size.repetitions, _SEED),
            timeline=simulate_timeline(stream, _SEED),
            river=river,
            evidently=evidently.results() if evidently else None,
            machine=machine,
            seconds=time.monotonic() - began,
        )


def _power_and_trends(
    data: Dataset, sample: WindowSample, size: LabSize, scratch: Path, on_step: OnStep
) -> tuple[list[DetectionPower], list[TrendDetection]]:
    numeric = numeric_power(sample, size.repetitions, _SEED, on_step)
    trends = detect_trends(sample, size.repetitions, _SEED, on_step)
    on_step("the categorical stream")
    stream = streams.categorical_stream(data, scratch / "categories", _SEED)
    categories = draw_windows(stream, sample.limits, min(_CATEGORY_DAYS, size.days), _SEED)
    return numeric + category_power(categories, size.repetitions, _SEED, on_step), trends

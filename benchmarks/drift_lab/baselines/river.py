"""Runs river's drift detectors, which receive each feature's values row by row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from river.base import DriftDetector
from river.drift import ADWIN, KSWIN, PageHinkley

from benchmarks.drift_lab.scenarios import SCENARIOS
from benchmarks.drift_lab.windows import WindowSample
from stream.scoring.features import Matrix

#: Number of windows before the onset, and after it.
_BEFORE, _AFTER = 1, 3
#: Number of features and rows for KSWIN, which is a thousand times slower per row than the other detectors.
_SLOW_FEATURES, _SLOW_ROWS = 2, 400


@dataclass(frozen=True)
class RiverDetector:
    """A detector, with the number of features and the number of rows on which it runs."""

    name: str
    make: Callable[[], DriftDetector]
    features: int
    rows: int


@dataclass(frozen=True)
class RiverResult:
    """False alarms and detections of one detector."""

    name: str
    features: int
    #: Number of undisturbed rows of each feature, and number of alarms on these rows over all features.
    undisturbed_rows: int
    false_alarms: int
    #: Share of features that raise an alarm after the onset, by scenario; "undisturbed" has no onset.
    detected: dict[str, float]


def run_river(sample: WindowSample, seed: int, on_step: Callable[[str], None]) -> list[RiverResult]:
    """Run each detector on the rows of a sample.

    Scenarios with null values are skipped, because the detectors only take numbers.
    """
    features = len(sample.binning.features)
    rows = sample.row_indices.size
    detectors = [
        RiverDetector("ADWIN", ADWIN, features, rows),
        RiverDetector("Page-Hinkley", PageHinkley, features, rows),
        RiverDetector("KSWIN", lambda: KSWIN(seed=seed), min(_SLOW_FEATURES, features), _SLOW_ROWS),
    ]
    results = []
    for detector in detectors:
        on_step(f"river: {detector.name}")
        results.append(_run(detector, sample))
    return results


def _run(detector: RiverDetector, sample: WindowSample) -> RiverResult:
    matrix = sample.stream.matrix[:, : detector.features]
    undisturbed = sample.row_indices.ravel()[: detector.rows]
    false_alarms = sum(_count_alarms(detector.make(), column.tolist()) for column in matrix[undisturbed].T)
    rows = min(sample.rows, detector.rows)
    drawn = sample.row_indices[:, :rows]
    clean, after = matrix[drawn[:_BEFORE].ravel()], drawn[_BEFORE : _BEFORE + _AFTER].ravel()
    disturbed = {name: scenario(matrix)[after] for name, scenario in SCENARIOS.items()}
    numeric = {name: values for name, values in disturbed.items() if not np.isnan(values).any()}
    detected = {
        name: _share_detected(detector, clean, values)
        for name, values in {"undisturbed": matrix[after], **numeric}.items()
    }
    return RiverResult(detector.name, detector.features, len(undisturbed), false_alarms, detected)


def _share_detected(detector: RiverDetector, clean: Matrix, disturbed: Matrix) -> float:
    detected = []
    for before, after in zip(clean.T, disturbed.T, strict=True):
        instance = detector.make()
        _count_alarms(instance, before.tolist())
        detected.append(any(_alarms(instance, after.tolist())))
    return float(np.mean(detected))


def _count_alarms(detector: DriftDetector, values: Iterable[float]) -> int:
    return sum(_alarms(detector, values))


def _alarms(detector: DriftDetector, values: Iterable[float]) -> Iterable[bool]:
    for value in values:
        detector.update(value)
        yield detector.drift_detected

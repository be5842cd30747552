"""river's detectors, row by row over each feature's values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from river.base import DriftDetector
from river.drift import ADWIN, KSWIN, PageHinkley

from benchmarks.drift_lab.bank import Bank
from benchmarks.drift_lab.scenarios import SCENARIOS
from stream.scoring.features import Matrix

#: Windows before the onset, and after it.
_BEFORE, _AFTER = 1, 3
#: KSWIN takes a thousand times as long a row as the others, so it sees this many features and rows.
_SLOW_FEATURES, _SLOW_ROWS = 2, 400


@dataclass(frozen=True)
class Detector:
    """One of them, and how much of the lab it is shown."""

    name: str
    make: Callable[[], DriftDetector]
    features: int
    rows: int


@dataclass(frozen=True)
class Answer:
    """What one detector said."""

    name: str
    features: int
    #: Rows of each undisturbed feature, and alarms in all of them together.
    quiet_rows: int
    false_alarms: int
    #: By scenario, the share of features that alarmed after the onset; "undisturbed" where there was none.
    found: dict[str, float]


def ask_river(bank: Bank, seed: int, on_step: Callable[[str], None]) -> list[Answer]:
    """Show a bank's rows to each detector.

    A feature that is null has no value to show: that scenario is not asked.
    """
    everything = len(bank.grid.features)
    rows = bank.drawn.size
    asked = [
        Detector("ADWIN", ADWIN, everything, rows),
        Detector("Page-Hinkley", PageHinkley, everything, rows),
        Detector("KSWIN", lambda: KSWIN(seed=seed), min(_SLOW_FEATURES, everything), _SLOW_ROWS),
    ]
    made = []
    for each in asked:
        on_step(f"river: {each.name}")
        made.append(_ask(each, bank))
    return made


def _ask(detector: Detector, bank: Bank) -> Answer:
    matrix = bank.world.matrix[:, : detector.features]
    quiet = bank.drawn.ravel()[: detector.rows]
    false = sum(_alarms(detector.make(), column.tolist()) for column in matrix[quiet].T)
    rows = min(bank.rows, detector.rows)
    drawn = bank.drawn[:, :rows]
    clean, after = matrix[drawn[:_BEFORE].ravel()], drawn[_BEFORE : _BEFORE + _AFTER].ravel()
    disturbed = {name: scenario(matrix)[after] for name, scenario in SCENARIOS.items()}
    asked = {name: rows for name, rows in disturbed.items() if not np.isnan(rows).any()}
    found = {name: _found(detector, clean, rows) for name, rows in {"undisturbed": matrix[after], **asked}.items()}
    return Answer(detector.name, detector.features, len(quiet), false, found)


def _found(detector: Detector, clean: Matrix, disturbed: Matrix) -> float:
    hits = []
    for before, after in zip(clean.T, disturbed.T, strict=True):
        watch = detector.make()
        _alarms(watch, before.tolist())
        hits.append(any(_states(watch, after.tolist())))
    return float(np.mean(hits))


def _alarms(watch: DriftDetector, values: Iterable[float]) -> int:
    return sum(_states(watch, values))


def _states(watch: DriftDetector, values: Iterable[float]) -> Iterable[bool]:
    for value in values:
        watch.update(value)
        yield watch.drift_detected

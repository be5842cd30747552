"""Concept drift with unchanged inputs: frauds change while the transactions stay the same.

After the onset, a share of the fraud labels moves to rows drawn at random. Inputs, scores and the fraud rate do not
change; only P(label│input) does. Neither the label-free estimate of recall nor any statistic of inputs or scores can
detect that. Only labels can, through the frauds that the champion misses.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.streams import LabStream
from benchmarks.drift_lab.windows import ROWS_A_DAY
from stream.drift.label_free import estimate
from stream.scoring.policy import severities
from training.drift.concept import ErrorRateMonitor

#: Number of days in the timeline, and the day after which labels move to other rows.
DAYS, ONSET_DAY = 30, 15
#: Share of the labels that move in the timeline.
TIMELINE_SHARE = 0.5
#: Shares of the labels that move in the table; 0 gives the rate of false alarms.
SHARES = (0.0, 0.25, 0.5, 0.75)
#: Number of frauds before the onset, and number of frauds after the onset at which a repetition ends as undetected.
_FRAUDS_BEFORE, _FRAUDS_AFTER = 1000, 2000


@dataclass(frozen=True)
class ConceptDetection:
    """How often and how soon moved labels are detected."""

    #: Share of the labels that move.
    share: float
    #: Share of the frauds that the champion misses, before and after the labels move.
    missed_before: float
    missed_after: float
    #: Share of the repetitions with an alarm before the onset.
    false_alarms: float
    #: Share of the other repetitions with an alarm within `_FRAUDS_AFTER` frauds of the onset.
    detected: float
    #: Median number of frauds from onset to alarm; None if fewer than half are detected.
    frauds: float | None
    #: Median number of days from onset to alarm, at this stream's number of frauds per day; None if `frauds` is None.
    days: float | None


@dataclass(frozen=True)
class ConceptTimeline:
    """Daily metrics of one stream; all arrays have the shape (DAYS,)."""

    recall: NDArray[np.float64]
    expected_recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    expected_precision: NDArray[np.float64]
    #: First day after the onset with an alarm on missed frauds; None if there is none.
    alarm: int | None
    #: Mean daily score before and after the onset.
    mean_score: tuple[float, float]


@dataclass(frozen=True)
class _Rates:
    """Approval rates in a stream, and the number of frauds per day."""

    #: Share of the frauds, and share of all rows, that the champion approves.
    missed: float
    approved: float
    frauds_a_day: float


def measure_detection(stream: LabStream, repetitions: int, seed: int) -> list[ConceptDetection]:
    """Move labels in simulated streams of frauds, and monitor the frauds that the champion misses."""
    random = np.random.default_rng(seed)
    alerted = _alerted(stream)
    frauds = stream.scored.labels == 1
    rates = _Rates(
        missed=float((~alerted[frauds]).mean()),
        approved=float((~alerted).mean()),
        frauds_a_day=float(frauds.mean()) * ROWS_A_DAY,
    )
    return [_detect(share, rates, repetitions, random) for share in SHARES]


def simulate_timeline(stream: LabStream, seed: int) -> ConceptTimeline:
    """Follow one stream over `DAYS` days, with true and estimated metrics for each day."""
    random = np.random.default_rng(seed)
    alerted, scores = _alerted(stream), stream.scored.scores.astype(np.float64)
    monitor, alarm, days = ErrorRateMonitor("misses"), None, []
    for day in range(DAYS):
        rows = random.integers(len(scores), size=ROWS_A_DAY)
        labels = stream.scored.labels[rows] == 1
        if day >= ONSET_DAY:
            labels = _move_labels(labels, TIMELINE_SHARE, random)
        alerts = alerted[rows]
        for row in np.flatnonzero(labels):
            alarmed = monitor.update(day, error=not alerts[row])
            if alarmed and alarm is None and day >= ONSET_DAY:
                alarm = day
        expected = estimate(float(scores[rows].sum()), float(scores[rows][alerts].sum()), int(alerts.sum()))
        caught = float((labels & alerts).sum())
        days.append(
            (
                caught / labels.sum(),
                expected.recall or np.nan,
                caught / alerts.sum(),
                expected.precision or np.nan,
                scores[rows].mean(),
            )
        )
    recall, expected_recall, precision, expected_precision, mean = np.array(days, dtype=np.float64).T
    means = float(mean[:ONSET_DAY].mean()), float(mean[ONSET_DAY:].mean())
    return ConceptTimeline(recall, expected_recall, precision, expected_precision, alarm, means)


def _detect(share: float, rates: _Rates, repetitions: int, random: np.random.Generator) -> ConceptDetection:
    missed_after = (1 - share) * rates.missed + share * rates.approved
    false_alarms, delays = 0, []
    for _ in range(repetitions):
        monitor = ErrorRateMonitor("misses")
        before = (random.random(_FRAUDS_BEFORE) < rates.missed).tolist()
        alarms = [monitor.update(0, error=error) for error in before]  # update for every error, even after an alarm
        if any(alarms):
            false_alarms += 1
            continue
        after = (random.random(_FRAUDS_AFTER) < missed_after).tolist()
        delays.append(next((n for n, error in enumerate(after, 1) if monitor.update(1, error=error)), np.inf))
    delay = np.array(delays)
    median = float(np.median(delay))
    frauds = median if np.isfinite(median) else None
    return ConceptDetection(
        share=share,
        missed_before=rates.missed,
        missed_after=missed_after,
        false_alarms=false_alarms / repetitions,
        detected=float(np.isfinite(delay).mean()),
        frauds=frauds,
        days=None if frauds is None else frauds / rates.frauds_a_day,
    )


def _alerted(stream: LabStream) -> NDArray[np.bool_]:
    scored = stream.scored
    flags: NDArray[np.bool_] = severities(scored.scores, stream.manifest.policy, scored.amount_minor) > 0
    return flags


def _move_labels(labels: NDArray[np.bool_], share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Clear a share of the fraud labels, and mark as many legitimate rows, drawn at random, as fraud."""
    moved = labels.copy()
    frauds = np.flatnonzero(labels)
    cleared = frauds[random.random(len(frauds)) < share]
    moved[cleared] = False
    moved[random.choice(np.flatnonzero(~labels), size=len(cleared), replace=False)] = True
    return moved

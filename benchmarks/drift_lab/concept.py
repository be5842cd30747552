"""Concept drift with unchanged inputs: frauds begin to look otherwise, the transactions stay what they were.

From the onset on, a share of the fraud labels moves to rows drawn at random. So no input and no score changes, the rate
of frauds neither; only P(label│input) does. The label-free estimate of recall can't see it, nor can any statistic of
inputs or scores: only the labels tell, by the champion's misses.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.bank import ROWS_A_DAY
from benchmarks.drift_lab.worlds import World
from stream.drift.label_free import estimate
from stream.scoring.policy import severities
from training.drift.concept import ErrorWatch

#: Days of the picture, and the day after which labels move.
DAYS, ONSET_DAY = 30, 15
#: Share of the labels that move in the picture.
SHOWN = 0.5
#: Shares of labels that move, in the table; 0 tells how often the watch is wrong.
SHARES = (0.0, 0.25, 0.5, 0.75)
#: Frauds before the onset, and after it until a repetition is given up.
_FRAUDS_BEFORE, _FRAUDS_AFTER = 1000, 2000


@dataclass(frozen=True)
class Found:
    """How soon moved labels were found."""

    share: float
    #: Of the frauds, missed before and after.
    missed_before: float
    missed_after: float
    #: Share of the repetitions with an alarm before the onset, wrong ones.
    wrong: float
    #: Share of the others with an alarm within `_FRAUDS_AFTER` frauds of it.
    found: float
    #: Frauds from the onset to the alarm, median; None where less than half were found.
    frauds: float | None
    #: The same in days of this stream's frauds, once they have matured.
    days: float | None


@dataclass(frozen=True)
class Course:
    """One stream, day by day; all arrays (DAYS,)."""

    recall: NDArray[np.float64]
    expected_recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    expected_precision: NDArray[np.float64]
    #: Day on which the misses' watch alarmed; None if never after the onset.
    alarm: int | None
    #: Of the days' mean score, before and after the onset.
    mean_score: tuple[float, float]


@dataclass(frozen=True)
class _Stream:
    """What a stream's labels and verdicts come to."""

    #: Share of the frauds, and of all rows, that are approved.
    missed: float
    passed: float
    frauds_a_day: float


def detection(world: World, repetitions: int, seed: int) -> list[Found]:
    """Move labels in streams of frauds, and watch the misses."""
    random = np.random.default_rng(seed)
    alerted = _alerted(world)
    frauds = world.scored.labels == 1
    stream = _Stream(
        missed=float((~alerted[frauds]).mean()),
        passed=float((~alerted).mean()),
        frauds_a_day=float(frauds.mean()) * ROWS_A_DAY,
    )
    return [_detect(share, stream, repetitions, random) for share in SHARES]


def course(world: World, seed: int) -> Course:
    """Follow one stream over `DAYS`, with true and estimated figures of each day."""
    random = np.random.default_rng(seed)
    alerted, scores = _alerted(world), world.scored.scores.astype(np.float64)
    watch, alarm, days = ErrorWatch("misses"), None, []
    for day in range(DAYS):
        rows = random.integers(len(scores), size=ROWS_A_DAY)
        labels = world.scored.labels[rows] == 1
        if day >= ONSET_DAY:
            labels = _move(labels, SHOWN, random)
        alerts = alerted[rows]
        for row in np.flatnonzero(labels):
            told = watch.update(day, error=not alerts[row])
            if told and alarm is None and day >= ONSET_DAY:
                alarm = day
        guess = estimate(float(scores[rows].sum()), float(scores[rows][alerts].sum()), int(alerts.sum()))
        caught = float((labels & alerts).sum())
        days.append(
            (
                caught / labels.sum(),
                guess.recall or np.nan,
                caught / alerts.sum(),
                guess.precision or np.nan,
                scores[rows].mean(),
            )
        )
    recall, expected_recall, precision, expected_precision, mean = np.array(days, dtype=np.float64).T
    means = float(mean[:ONSET_DAY].mean()), float(mean[ONSET_DAY:].mean())
    return Course(recall, expected_recall, precision, expected_precision, alarm, means)


def _detect(share: float, of: "_Stream", repetitions: int, random: np.random.Generator) -> Found:
    missed, a_day = of.missed, of.frauds_a_day
    after = (1 - share) * missed + share * of.passed
    wrong, delays = 0, []
    for _ in range(repetitions):
        watch = ErrorWatch("misses")
        errors = random.random(_FRAUDS_BEFORE) < missed
        told = [watch.update(0, error=error) for error in errors.tolist()]  # to the end, whatever it says
        if any(told):
            wrong += 1
            continue
        moved = (random.random(_FRAUDS_AFTER) < after).tolist()
        delays.append(next((n for n, error in enumerate(moved, 1) if watch.update(1, error=error)), np.inf))
    found = np.array(delays)
    median = float(np.median(found))
    known = median if np.isfinite(median) else None
    return Found(
        share=share,
        missed_before=missed,
        missed_after=after,
        wrong=wrong / repetitions,
        found=float(np.isfinite(found).mean()),
        frauds=known,
        days=None if known is None else known / a_day,
    )


def _alerted(world: World) -> NDArray[np.bool_]:
    scored = world.scored
    flags: NDArray[np.bool_] = severities(scored.scores, world.manifest.policy, scored.amount_minor) > 0
    return flags


def _move(labels: NDArray[np.bool_], share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Take a share of the labels away and give as many to rows drawn at random."""
    moved = labels.copy()
    frauds = np.flatnonzero(labels)
    leaving = frauds[random.random(len(frauds)) < share]
    moved[leaving] = False
    moved[random.choice(np.flatnonzero(~labels), size=len(leaving), replace=False)] = True
    return moved

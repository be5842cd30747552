"""A slow trend: every feature grows a little with every row, so there is no single row at which drift begins.

The delay is counted from the point where the PSI of the entire stream, with all rows shifted as far as the newest,
would cross the rule's limit of 0.1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.power import first_alarm
from benchmarks.drift_lab.scenarios import shifted
from benchmarks.drift_lab.windows import WindowSample
from stream.drift.binning import BinnedColumn, Counts

#: Growth per window, in standard deviations of the column.
SLOPE = 0.05
#: The trend proceeds in steps of a fifth of a window, for this many windows.
STEPS, WINDOWS = 5, 16


@dataclass(frozen=True)
class TrendDetection:
    """How often and how soon a slow trend in one feature is detected."""

    feature: str
    #: Shift at which the stream's PSI crosses 0.1, in standard deviations; None if it never does.
    crossing: float | None
    #: Share of the repetitions in which the trend is detected.
    detected: float
    #: Median number of windows from the crossing to the alarm; negative if KS raises the alarm first. None if
    #: fewer than half of the repetitions are detected.
    delay: float | None


def detect_trends(
    sample: WindowSample, repetitions: int, seed: int, on_step: Callable[[str], None]
) -> list[TrendDetection]:
    """Let each feature drift, starting at a random step in a window, and return when its trend is detected."""
    on_step("power: slow trend")
    random = np.random.default_rng(seed)
    stream = sample.stream
    shifts = SLOPE / STEPS * np.arange(WINDOWS * STEPS + 1)
    levels = np.stack([sample.binning.count(shifted(stream.matrix, shift), stream.scored.scores) for shift in shifts])
    psis = sample.statistics.measure(levels).psi
    return [
        _detect_trend(
            sample,
            column,
            levels[:, column.start : column.stop],
            psis[:, index],
            repetitions=repetitions,
            random=random,
        )
        for index, column in enumerate(sample.binning.features)
    ]


def _detect_trend(
    sample: WindowSample,
    column: BinnedColumn,
    levels: Counts,
    psis: NDArray[np.float64],
    *,
    repetitions: int,
    random: np.random.Generator,
) -> TrendDetection:
    """Return when the trend of one feature is detected.

    Args:
        sample: Windows that supply the other columns.
        column: Column of the feature that drifts.
        levels: (s + 1, bins) counts of the entire stream after each step.
        psis: (s + 1,) PSI of these counts.
        repetitions: Number of repetitions.
        random: Random generator for drawing windows.
    """
    shares = levels / levels.sum(axis=1, keepdims=True)
    # One clean window; then the trend begins after 0 to 4 more clean steps.
    clean = STEPS + random.integers(STEPS, size=repetitions)
    level = np.clip(np.arange((1 + WINDOWS) * STEPS) - clean[:, np.newaxis] + 1, 0, None)
    drawn = random.multinomial(sample.rows // STEPS, shares[level])
    counts = drawn.reshape(repetitions, 1 + WINDOWS, STEPS, -1).sum(axis=2)
    alarm = first_alarm(sample, column, counts, random)
    detected = alarm <= WINDOWS
    crossed = psis > sample.limits.psi
    if not crossed.any():
        return TrendDetection(column.name, None, float(detected.mean()), None)
    step = int(crossed.argmax())
    delay = np.where(detected, alarm + 1 - (clean + step) / STEPS, np.inf)
    median = float(np.median(delay))
    return TrendDetection(
        column.name, SLOPE / STEPS * step, float(detected.mean()), median if np.isfinite(median) else None
    )

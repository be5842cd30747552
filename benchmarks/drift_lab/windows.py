"""Windows drawn at random from an undisturbed stream and counted in the bundle's bins."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.column_replacer import ColumnReplacer
from benchmarks.drift_lab.streams import LabStream
from stream.drift.alarm_rule import AlarmRule, DriftLimits
from stream.drift.binning import Binning, Counts
from stream.drift.statistics import DriftStatistics

#: Rows per day of the ULB data: 284,807 in two days.
ROWS_A_DAY = 142_000


@dataclass(frozen=True)
class WindowSample:
    """Windows drawn from a stream, with their statistics and the rule that judges them.

    Rows are drawn with replacement, because the stream is shorter than a day. A window's counts of a column are
    therefore a multinomial draw from the stream's shares, and windows of a disturbed column are drawn that way, one
    column at a time, instead of drawing and counting rows.
    """

    stream: LabStream
    binning: Binning
    statistics: DriftStatistics
    rule: AlarmRule
    limits: DriftLimits
    #: (w, rows per window) indices of each window's rows in the stream.
    row_indices: NDArray[np.intp]
    #: (w, width).
    counts: Counts
    replacer: ColumnReplacer

    @property
    def rows(self) -> int:
        """Number of rows per window."""
        return self.limits.window_rows


def draw_windows(stream: LabStream, limits: DriftLimits, days: float, seed: int) -> WindowSample:
    """Draw as many windows as a stream of `days` days contains.

    Args:
        stream: Exchangeable stream to draw from.
        limits: Window size and limits of the rule.
        days: Length of the drawn stream, in days of `ROWS_A_DAY` rows.
        seed: Seed for drawing rows.
    """
    binning = stream.binning
    statistics = DriftStatistics(binning)
    windows = int(days * ROWS_A_DAY) // limits.window_rows
    row_indices = np.random.default_rng(seed).integers(len(stream.matrix), size=(windows, limits.window_rows))
    counts = np.stack([binning.count(stream.matrix[rows], stream.scored.scores[rows]) for rows in row_indices])
    return WindowSample(
        stream,
        binning,
        statistics,
        AlarmRule(statistics, limits),
        limits,
        row_indices,
        counts,
        ColumnReplacer(stream.manifest, counts),
    )

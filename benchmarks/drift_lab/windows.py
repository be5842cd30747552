"""Windows of an undisturbed stream: rows drawn from the stream's part, counted by the bundle's bins."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.one_column import Others
from benchmarks.drift_lab.worlds import World
from stream.drift.alarm_rule import AlarmRule, DriftLimits
from stream.drift.binning import Binning, Counts
from stream.drift.statistics import DriftStatistics

#: Of the ULB data: 284,807 rows in two days.
ROWS_A_DAY = 142_000


@dataclass(frozen=True)
class Bank:
    """Windows, with everything that judges them.

    Rows are drawn with replacement, for the stream's part is not a day long. So what a column's bins get of a window
    is a multinomial draw by the part's own shares, and windows of a disturbed column are drawn in that way, one column
    at a time, instead of drawing and counting their rows.
    """

    world: World
    grid: Binning
    measure: DriftStatistics
    rule: AlarmRule
    limits: DriftLimits
    #: (w, rows of a window) which rows of the stream each window has.
    drawn: NDArray[np.intp]
    #: (w, width).
    counts: Counts
    others: Others

    @property
    def rows(self) -> int:
        """Of a window."""
        return self.limits.window_rows


def draw(world: World, limits: DriftLimits, days: float, seed: int) -> Bank:
    """Draw as many windows of `limits.window_rows` as so many days have.

    Args:
        world: An exchangeable one.
        limits: Of the rule.
        days: Of `ROWS_A_DAY` rows.
        seed: Of the drawing.
    """
    grid = world.grid
    measure = DriftStatistics(grid)
    windows = int(days * ROWS_A_DAY) // limits.window_rows
    drawn = np.random.default_rng(seed).integers(len(world.matrix), size=(windows, limits.window_rows))
    counts = np.stack([grid.count(world.matrix[rows], world.scored.scores[rows]) for rows in drawn])
    return Bank(world, grid, measure, AlarmRule(measure, limits), limits, drawn, counts, Others(world.manifest, counts))

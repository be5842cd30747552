"""A slow trend: every feature grows by a little with every row, and nobody can name the row at which it was too much.

So the delay is counted from where the whole stream's PSI, were all its rows shifted as far as the newest, would cross
the rule's own 0.1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.bank import Bank
from benchmarks.drift_lab.power import alarmed_at
from benchmarks.drift_lab.scenarios import moved
from stream.drift.binning import BinnedColumn, Counts

#: Standard deviations of the column, over a window.
SLOPE = 0.05
#: The trend goes on in steps of a fifth of a window, for as many windows.
STEPS, WINDOWS = 5, 16


@dataclass(frozen=True)
class Trend:
    """What came of one feature."""

    feature: str
    #: Shift at which the population's PSI crosses 0.1, in standard deviations; None where it never does.
    crossing: float | None
    #: Share of the repetitions in which it was found at all.
    found: float
    #: Windows from the crossing to the alarm, median; below 0 where KS saw it first. None where half were not found.
    delay: float | None


def trends(bank: Bank, repetitions: int, seed: int, on_step: Callable[[str], None]) -> list[Trend]:
    """Let each feature of a bank drift away, from a random step of a window on."""
    on_step("power: slow trend")
    random = np.random.default_rng(seed)
    world = bank.world
    shifts = SLOPE / STEPS * np.arange(WINDOWS * STEPS + 1)
    levels = np.stack([bank.grid.count(moved(world.matrix, shift), world.scored.scores) for shift in shifts])
    psis = bank.measure.measure(levels).psi
    return [
        _trend(
            bank,
            column,
            levels[:, column.start : column.stop],
            psis[:, place],
            repetitions=repetitions,
            random=random,
        )
        for place, column in enumerate(bank.grid.features)
    ]


def _trend(
    bank: Bank,
    column: BinnedColumn,
    levels: Counts,
    psis: NDArray[np.float64],
    *,
    repetitions: int,
    random: np.random.Generator,
) -> Trend:
    """Run one feature.

    Args:
        bank: Gives the other columns.
        column: The feature's.
        levels: (s + 1, places) of the whole stream after each step.
        psis: (s + 1,) of the same.
        repetitions: How many.
        random: For the drawing.
    """
    shares = levels / levels.sum(axis=1, keepdims=True)
    # One clean window before; then the trend begins after 0 to 4 more clean steps.
    clean = STEPS + random.integers(STEPS, size=repetitions)
    at = np.clip(np.arange((1 + WINDOWS) * STEPS) - clean[:, np.newaxis] + 1, 0, None)
    drawn = random.multinomial(bank.rows // STEPS, shares[at])
    counts = drawn.reshape(repetitions, 1 + WINDOWS, STEPS, -1).sum(axis=2)
    alarm = alarmed_at(bank, column, counts, random)
    found = alarm <= WINDOWS
    crossed = psis > bank.limits.psi
    if not crossed.any():
        return Trend(column.name, None, float(found.mean()), None)
    step = int(crossed.argmax())
    delay = np.where(found, alarm + 1 - (clean + step) / STEPS, np.inf)
    median = float(np.median(delay))
    return Trend(column.name, SLOPE / STEPS * step, float(found.mean()), median if np.isfinite(median) else None)

"""How often, and how soon, the rule finds what was injected: one feature at a time, from a random row on."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.bank import Bank
from benchmarks.drift_lab.scenarios import SCENARIOS, VANISHED, Scenario, vanishing, without
from stream.drift.binning import BinnedColumn, Counts

#: Windows of one repetition: one before, the one that the onset falls into, and the full ones after it.
_BEFORE, FULL_WINDOWS = 1, 3
WINDOWS = _BEFORE + 1 + FULL_WINDOWS


@dataclass(frozen=True)
class Power:
    """What came of one feature under one scenario."""

    feature: str
    scenario: str
    #: Between the training part and the whole disturbed stream.
    psi: float
    distance: float
    #: Share of the repetitions in which the feature alarmed within `FULL_WINDOWS` full windows of the onset.
    found: float
    #: Windows from the onset to the alarm, median over all repetitions; None where less than half were found.
    delay: float | None


def numeric_power(bank: Bank, repetitions: int, seed: int, on_step: Callable[[str], None]) -> list[Power]:
    """Inject each scenario into each feature of a bank."""
    random = np.random.default_rng(seed)
    made = list[Power]()
    for name, scenario in SCENARIOS.items():
        on_step(f"power: {name}")
        disturbed = disturb(bank, scenario)
        made += [
            _power(bank, column, name, bank.grid.column_counts(column, disturbed), repetitions=repetitions, random=random)
            for column in bank.grid.features
        ]
    return made


def category_power(bank: Bank, repetitions: int, seed: int, on_step: Callable[[str], None]) -> list[Power]:
    """Let a category vanish from each feature of a bank of categories."""
    on_step(f"power: {VANISHED}")
    random = np.random.default_rng(seed)
    whole = undisturbed(bank)
    made = []
    for column in bank.grid.features:
        category = vanishing(column.profile) if column.profile else None
        if category is not None:
            counts = without(bank.grid.column_counts(column, whole), category)
            made.append(_power(bank, column, VANISHED, counts, repetitions=repetitions, random=random))
    return made


def undisturbed(bank: Bank) -> Counts:
    """Count the whole stream's part (width,)."""
    return bank.grid.count(bank.world.matrix, bank.world.scored.scores)


def disturb(bank: Bank, scenario: Scenario) -> Counts:
    """Count the whole stream's part (width,) with every feature disturbed, the score as it was."""
    return bank.grid.count(scenario(bank.world.matrix), bank.world.scored.scores)


def alarmed_at(bank: Bank, column: BinnedColumn, counts: Counts, random: np.random.Generator) -> NDArray[np.intp]:
    """Return (r,) the first window in which one column alarms; the number of windows where none does.

    Args:
        bank: Gives the other columns: consecutive windows from a random one on.
        column: The disturbed one.
        counts: (r, w, places) of that column, in r repetitions of w windows.
        random: For the drawing.
    """
    repetitions, windows, _ = counts.shape
    starts = random.integers(len(bank.counts) - windows, size=repetitions)
    measured = bank.others.with_column(starts[:, np.newaxis] + np.arange(windows), column, counts)
    over = bank.rule.check(measured).over[..., bank.measure.names.index(column.name)]
    return first_run(over, bank.limits.windows_in_a_row)


def first_run(over: NDArray[np.bool_], length: int) -> NDArray[np.intp]:
    """Return (r,) where in each row of (r, w) a run of so many is complete for the first time; w where none is.

    >>> first_run(np.array([[True, False, True, True], [True, False, True, False]]), 2).tolist()
    [3, 4]
    """
    windows = over.shape[1]
    run = np.ones((len(over), windows - length + 1), dtype=np.bool_)
    for behind in range(length):
        run &= over[:, behind : windows - length + 1 + behind]
    first: NDArray[np.intp] = np.where(run.any(axis=1), run.argmax(axis=1) + length - 1, windows)
    return first


def _power(
    bank: Bank, column: BinnedColumn, scenario: str, disturbed: Counts, *, repetitions: int, random: np.random.Generator
) -> Power:
    before = bank.grid.column_counts(column, undisturbed(bank))
    shares, after = before / before.sum(), disturbed / disturbed.sum()
    clean = random.integers(bank.rows, size=repetitions)
    counts = np.empty((repetitions, WINDOWS, len(before)), dtype=np.int64)
    counts[:, :_BEFORE] = random.multinomial(bank.rows, shares, size=(repetitions, _BEFORE))
    counts[:, _BEFORE] = random.multinomial(clean, shares) + random.multinomial(bank.rows - clean, after)
    counts[:, _BEFORE + 1 :] = random.multinomial(bank.rows, after, size=(repetitions, FULL_WINDOWS))
    at = alarmed_at(bank, column, counts, random)
    delay = np.where(at < WINDOWS, at + 1 - _BEFORE - clean / bank.rows, np.inf)
    median = float(np.median(delay))
    population = population_of(bank, column, disturbed)
    return Power(
        column.name, scenario, *population, float((at < WINDOWS).mean()), median if np.isfinite(median) else None
    )


def population_of(bank: Bank, column: BinnedColumn, disturbed: Counts) -> tuple[float, float]:
    """Return PSI and distance (NaN where every value is missing) between the training part and a whole stream."""
    whole = undisturbed(bank)
    whole[column.start : column.stop] = disturbed
    measured = bank.measure.measure(whole)
    place = bank.measure.names.index(column.name)
    return float(measured.psi[place]), float(measured.distance[place])

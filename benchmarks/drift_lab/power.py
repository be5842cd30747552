"""Detection rate and delay: each scenario is injected into one feature at a time, starting at a random row."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.scenarios import (
    CATEGORY_VANISHES,
    SCENARIOS,
    Scenario,
    drop_category,
    rarest_common_category,
)
from benchmarks.drift_lab.windows import WindowSample
from stream.drift.binning import BinnedColumn, Counts

#: Windows in a repetition: one before the onset, the window that contains the onset, and full windows after it.
_BEFORE, FULL_WINDOWS = 1, 3
WINDOWS = _BEFORE + 1 + FULL_WINDOWS


@dataclass(frozen=True)
class DetectionPower:
    """How often and how soon one scenario is detected in one feature."""

    feature: str
    scenario: str
    #: PSI and distance between the training split and the entire disturbed stream.
    psi: float
    distance: float
    #: Share of the repetitions with an alarm on the feature within `FULL_WINDOWS` full windows of the onset.
    detected: float
    #: Median number of windows from onset to alarm, over all repetitions; None if fewer than half are detected.
    delay: float | None


def numeric_power(
    sample: WindowSample, repetitions: int, seed: int, on_step: Callable[[str], None]
) -> list[DetectionPower]:
    """Inject each scenario into each feature, and return how often and how soon it is detected."""
    random = np.random.default_rng(seed)
    results = list[DetectionPower]()
    for name, scenario in SCENARIOS.items():
        on_step(f"power: {name}")
        disturbed = count_disturbed(sample, scenario)
        results += [
            _power(
                sample,
                column,
                name,
                sample.binning.column_counts(column, disturbed),
                repetitions=repetitions,
                random=random,
            )
            for column in sample.binning.features
        ]
    return results


def category_power(
    sample: WindowSample, repetitions: int, seed: int, on_step: Callable[[str], None]
) -> list[DetectionPower]:
    """Remove a category from each feature of a categorical stream, and return how often this is detected."""
    on_step(f"power: {CATEGORY_VANISHES}")
    random = np.random.default_rng(seed)
    undisturbed = count_stream(sample)
    results = []
    for column in sample.binning.features:
        category = rarest_common_category(column.profile) if column.profile else None
        if category is not None:
            counts = drop_category(sample.binning.column_counts(column, undisturbed), category)
            results.append(_power(sample, column, CATEGORY_VANISHES, counts, repetitions=repetitions, random=random))
    return results


def count_stream(sample: WindowSample) -> Counts:
    """Return the bin counts (width,) of the entire undisturbed stream."""
    return sample.binning.count(sample.stream.matrix, sample.stream.scored.scores)


def count_disturbed(sample: WindowSample, scenario: Scenario) -> Counts:
    """Return the bin counts (width,) of the entire stream with every feature disturbed and the score unchanged."""
    return sample.binning.count(scenario(sample.stream.matrix), sample.stream.scored.scores)


def first_alarm(
    sample: WindowSample, column: BinnedColumn, counts: Counts, random: np.random.Generator
) -> NDArray[np.intp]:
    """Return the index (r,) of the first window in which one column raises an alarm, or w if there is none.

    Args:
        sample: Windows that supply the other columns: w consecutive windows from a random start.
        column: The disturbed column.
        counts: (r, w, bins) counts of that column, for r repetitions of w windows.
        random: Random generator for the starts.
    """
    repetitions, windows, _ = counts.shape
    starts = random.integers(len(sample.counts) - windows, size=repetitions)
    measured = sample.replacer.replace(starts[:, np.newaxis] + np.arange(windows), column, counts)
    over = sample.rule.check(measured).over[..., sample.statistics.names.index(column.name)]
    return first_run(over, sample.limits.windows_in_a_row)


def first_run(over: NDArray[np.bool_], length: int) -> NDArray[np.intp]:
    """Return the index (r,) at which each row of (r, w) first completes `length` consecutive trues, or w if none does.

    >>> first_run(np.array([[True, False, True, True], [True, False, True, False]]), 2).tolist()
    [3, 4]
    """
    windows = over.shape[1]
    run = np.ones((len(over), windows - length + 1), dtype=np.bool_)
    for offset in range(length):
        run &= over[:, offset : windows - length + 1 + offset]
    first: NDArray[np.intp] = np.where(run.any(axis=1), run.argmax(axis=1) + length - 1, windows)
    return first


def _power(
    sample: WindowSample,
    column: BinnedColumn,
    scenario: str,
    disturbed: Counts,
    *,
    repetitions: int,
    random: np.random.Generator,
) -> DetectionPower:
    before = sample.binning.column_counts(column, count_stream(sample))
    shares, after = before / before.sum(), disturbed / disturbed.sum()
    clean = random.integers(sample.rows, size=repetitions)
    counts = np.empty((repetitions, WINDOWS, len(before)), dtype=np.int64)
    counts[:, :_BEFORE] = random.multinomial(sample.rows, shares, size=(repetitions, _BEFORE))
    counts[:, _BEFORE] = random.multinomial(clean, shares) + random.multinomial(sample.rows - clean, after)
    counts[:, _BEFORE + 1 :] = random.multinomial(sample.rows, after, size=(repetitions, FULL_WINDOWS))
    alarm = first_alarm(sample, column, counts, random)
    delay = np.where(alarm < WINDOWS, alarm + 1 - _BEFORE - clean / sample.rows, np.inf)
    median = float(np.median(delay))
    psi, distance = whole_stream_shift(sample, column, disturbed)
    return DetectionPower(
        feature=column.name,
        scenario=scenario,
        psi=psi,
        distance=distance,
        detected=float((alarm < WINDOWS).mean()),
        delay=median if np.isfinite(median) else None,
    )


def whole_stream_shift(sample: WindowSample, column: BinnedColumn, disturbed: Counts) -> tuple[float, float]:
    """Return the PSI and the distance between the training split and the entire disturbed stream.

    The distance is the KS statistic, or the Jensen-Shannon distance for a categorical feature; it is NaN if every
    value is missing.
    """
    counts = count_stream(sample)
    counts[column.start : column.stop] = disturbed
    measured = sample.statistics.measure(counts)
    index = sample.statistics.names.index(column.name)
    return float(measured.psi[index]), float(measured.distance[index])

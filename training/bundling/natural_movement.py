"""Measure how much a model's features and score vary without drift, and how often this variation raises an alarm.

Both are measured by the stream's own code over consecutive windows in time order. Features are measured inside the
training split. The score is measured inside the validation split, because a model is overconfident on the rows that it
was fitted on.
"""

from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from schemas.manifest import FalseAlarms, Manifest, NaturalMovement, ReferenceProfile
from stream.drift.alarm_rule import AlarmRule, DriftLimits, drift_limits
from stream.drift.binning import Binning
from stream.drift.statistics import DriftStatistics, WindowStatistics
from stream.scoring.features import Matrix
from stream.settings import DriftSettings, WatermarkSettings
from training.bundling.window_counts import count_blocks, fitting_sizes, sum_windows

#: Quantile of the windows' statistics that counts as natural movement. With fewer than 200 windows, the maximum counts.
QUANTILE = 0.995


@dataclass(frozen=True)
class MeasuredWindows:
    """Drift statistics of consecutive windows of one size."""

    #: Number of rows in a window.
    size: int
    #: Statistics of k columns in each of w windows.
    statistics: WindowStatistics


def with_natural_movement(manifest: Manifest, train: Matrix, scores: NDArray[np.float32]) -> Manifest:
    """Return a manifest with natural movement and false alarms for each window size that yields enough windows.

    Args:
        manifest: Manifest with reference profiles.
        train: (n, n_features) raw features of the training split in time order, NaN where a value is missing.
        scores: (m,) scores on the validation split in time order.
    """
    # The score is excluded, because the model is overconfident on its training rows.
    features = replace(manifest, score_reference=None)
    measured = _measure_windows(features, train, np.full(len(train), np.nan, dtype=np.float32))
    reference = _with_movements(features, [natural_movement(each) for each in measured]).reference
    score = manifest.score_reference
    if score is not None:
        no_features = np.full((len(scores), len(manifest.features)), np.nan, dtype=np.float32)
        score_only = _measure_windows(replace(manifest, reference={}), no_features, scores)
        score = replace(score, natural=tuple(natural_movement(each)[-1] for each in score_only))
    limits = drift_limits(DriftSettings(), WatermarkSettings())
    alarms = tuple(false_alarms(features, each, limits) for each in measured)
    return replace(manifest, reference=reference, score_reference=score, false_alarms=alarms)


def natural_movement(measured: MeasuredWindows) -> list[NaturalMovement]:
    """Return the natural movement of each of the k columns: the `QUANTILE` of its statistics over all windows."""
    # A window in which a column has no values has no KS distance there; the PSI shows that the values are missing.
    psi, distance = (
        np.quantile(np.nan_to_num(each), QUANTILE, axis=0, method="higher").tolist()
        for each in (measured.statistics.psi, measured.statistics.distance)
    )
    count = len(measured.statistics.rows)
    return [NaturalMovement(measured.size, count, *each) for each in zip(psi, distance, strict=True)]


def false_alarms(manifest: Manifest, measured: MeasuredWindows, limits: DriftLimits) -> FalseAlarms:
    """Count the rule's alarms in each half of the windows, using the natural movement of the other half as the limit.

    This way, no window helps to set the limit that it is compared with. The count has limitations. The reference is
    made from both halves, so both are closer to it than later rows will be. Only features are counted, not the score or
    the alert rate. The halves are adjacent in the training split: a movement that occurs once a month may be in
    neither, and a movement that fills a whole half (a day next to a night) counts as a false alarm although it is
    real. The count is valid only for the default limits.

    Args:
        manifest: Manifest with the reference profiles.
        measured: Statistics of the windows in time order.
        limits: Limits of the alarm rule.
    """
    count = len(measured.statistics.rows)
    halves = (slice(0, count // 2), slice(count // 2, count))
    alarms = 0
    for half, other in (halves, halves[::-1]):
        movement = natural_movement(MeasuredWindows(measured.size, _part(measured.statistics, other)))
        rule = AlarmRule(DriftStatistics(Binning(_with_movements(manifest, [movement]))), limits)
        exceeded = rule.check(_part(measured.statistics, half)).over
        alarms += _alarms_begun(exceeded, limits.windows_in_a_row)
    return FalseAlarms(measured.size, count, alarms)


def _measure_windows(manifest: Manifest, matrix: Matrix, scores: NDArray[np.float32]) -> list[MeasuredWindows]:
    binning = Binning(manifest)
    statistics, blocks = DriftStatistics(binning), count_blocks(binning, matrix, scores)
    return [MeasuredWindows(size, statistics.measure(sum_windows(blocks, size))) for size in fitting_sizes(len(matrix))]


def _with_movements(manifest: Manifest, by_size: list[list[NaturalMovement]]) -> Manifest:
    """Return a manifest whose features have the given natural movements, by window size and then by column."""

    def with_movement(column: int, profile: ReferenceProfile) -> ReferenceProfile:
        return replace(profile, natural=tuple(movements[column] for movements in by_size))

    names = manifest.feature_names
    return replace(
        manifest,
        reference={name: with_movement(column, manifest.reference[name]) for column, name in enumerate(names)},
    )


def _part(statistics: WindowStatistics, windows: slice) -> WindowStatistics:
    return WindowStatistics(
        statistics.rows[windows],
        statistics.psi[windows],
        statistics.distance[windows],
        statistics.p[windows],
        statistics.missing[windows],
    )


def _alarms_begun(over: NDArray[np.bool_], in_a_row: int) -> int:
    """Return how often any of the k columns reaches `in_a_row` consecutive windows over its limit, from flags (w, k).

    >>> _alarms_begun(np.array([[1, 0], [1, 1], [1, 1], [0, 0], [1, 0], [1, 0]], dtype=bool), 2)
    3
    """
    run = np.zeros(over.shape[1], dtype=np.int64)
    begun = 0
    for window in over:
        run = np.where(window, run + 1, 0)
        begun += bool((run == in_a_row).any())
    return begun

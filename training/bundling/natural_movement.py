"""How far a model's columns move by themselves, and how often the alarm rule is wrong about it.

Measured by the stream's own code over consecutive windows in time order: the features' inside the training part, the
score's inside the validation part, for on the rows it was fitted on a model is too sure of itself.
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
from stream.settings import Settings
from training.bundling.window_counts import count_blocks, fitting_sizes, windows

#: Of the windows' statistics; the issue's own number. Of fewer than 200 windows it is the largest.
QUANTILE = 0.995


@dataclass(frozen=True)
class Seen:
    """Consecutive windows of one size."""

    #: Of a window.
    size: int
    #: (w,) windows of k columns.
    measured: WindowStatistics


def with_natural_movement(manifest: Manifest, train: Matrix, scores: NDArray[np.float32]) -> Manifest:
    """Add natural movement and false alarms to a manifest, for every size of which enough windows fit.

    Args:
        manifest: With its references.
        train: (n, n_features) the training part in time order, NaN where a value was missing.
        scores: (m,) of the validation part, likewise.
    """
    # Without the score, of which the training part has none that would be honest.
    features = replace(manifest, score_reference=None)
    seen = _look(features, train, np.full(len(train), np.nan, dtype=np.float32))
    reference = _with_movements(features, [natural_movement(each) for each in seen]).reference
    score = manifest.score_reference
    if score is not None:
        unseen = np.full((len(scores), len(manifest.features)), np.nan, dtype=np.float32)
        alone = _look(replace(manifest, reference={}), unseen, scores)
        score = replace(score, natural=tuple(natural_movement(each)[-1] for each in alone))
    limits = drift_limits(Settings())
    alarms = tuple(false_alarms(features, each, limits) for each in seen)
    return replace(manifest, reference=reference, score_reference=score, false_alarms=alarms)


def natural_movement(seen: Seen) -> list[NaturalMovement]:
    """Return for each of the k columns how far it strayed, as the `QUANTILE` of its statistics."""
    # A window in which a column is all missing has no distance, but its PSI tells.
    psi, distance = (
        np.quantile(np.nan_to_num(each), QUANTILE, axis=0, method="higher").tolist()
        for each in (seen.measured.psi, seen.measured.distance)
    )
    count = len(seen.measured.rows)
    return [NaturalMovement(seen.size, count, *each) for each in zip(psi, distance, strict=True)]


def false_alarms(manifest: Manifest, seen: Seen, limits: DriftLimits) -> FalseAlarms:
    """Run the rule over one half of the windows with the natural movement of the other half, and the other way round.

    So no window has set the limit that it is held against. What the figure does not promise: the reference is made of
    both halves, so they lie closer to it than later rows will; only the features are in it, not the score and not the
    alert rate; and the halves lie side by side in the training part, so a movement that comes but once a month is in
    neither, while one that fills a whole half (a day beside a night) counts as false here and is real. It holds for
    the default limits.

    Args:
        manifest: Whose references are meant.
        seen: The windows, in time order.
        limits: Of the rule.
    """
    count = len(seen.measured.rows)
    halves = (slice(0, count // 2), slice(count // 2, count))
    alarms = 0
    for half, other in (halves, halves[::-1]):
        movement = natural_movement(Seen(seen.size, _part(seen.measured, other)))
        rule = AlarmRule(DriftStatistics(Binning(_with_movements(manifest, [movement]))), limits)
        alarms += _begun(rule.check(_part(seen.measured, half)).over, limits.windows_in_a_row)
    return FalseAlarms(seen.size, count, alarms)


def _look(manifest: Manifest, matrix: Matrix, scores: NDArray[np.float32]) -> list[Seen]:
    grid = Binning(manifest)
    measure, blocks = DriftStatistics(grid), count_blocks(grid, matrix, scores)
    return [Seen(size, measure.measure(windows(blocks, size))) for size in fitting_sizes(len(matrix))]


def _with_movements(manifest: Manifest, by_size: list[list[NaturalMovement]]) -> Manifest:
    """Give each feature its movements, listed by size and then by column."""

    def moved(place: int, profile: ReferenceProfile) -> ReferenceProfile:
        return replace(profile, natural=tuple(movements[place] for movements in by_size))

    names = manifest.feature_names
    return replace(
        manifest, reference={name: moved(place, manifest.reference[name]) for place, name in enumerate(names)}
    )


def _part(measured: WindowStatistics, rows: slice) -> WindowStatistics:
    return WindowStatistics(
        measured.rows[rows], measured.psi[rows], measured.distance[rows], measured.p[rows], measured.missing[rows]
    )


def _begun(over: NDArray[np.bool_], in_a_row: int) -> int:
    """Return in how many windows (w,) any of the columns (w, k) has just been over for so many windows in a row.

    >>> _begun(np.array([[1, 0], [1, 1], [1, 1], [0, 0], [1, 0], [1, 0]], dtype=bool), 2)
    3
    """
    run = np.zeros(over.shape[1], dtype=np.int64)
    begun = 0
    for window in over:
        run = np.where(window, run + 1, 0)
        begun += bool((run == in_a_row).any())
    return begun

"""Streams in which nothing was injected: how often the rule alarms all the same, and on what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.bank import Bank
from benchmarks.drift_lab.worlds import World
from schemas.messages import DriftState
from stream.drift.alarm_rule import AlarmRule, DriftLimits
from stream.drift.binning import Binning, Counts
from stream.drift.statistics import DriftStatistics, Floats
from stream.scoring.features import Matrix
from training.bundling.reference_profile import profile_features

_ALARMS: tuple[DriftState, ...] = ("alarm", "page")
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Judged:
    """Consecutive windows under the rule.

    An alarm that lasts is one alarm, from its first window to its last.
    """

    rows: int
    windows: int
    #: By column that alarmed: how many alarms, and how many windows they lasted together.
    alarms: Mapping[str, tuple[int, int]]
    #: Windows over a limit by column, one at a time; columns with none are left out.
    over: Mapping[str, int]
    #: (k,) columns, in the measure's order.
    names: tuple[str, ...]
    #: (w, k) PSI, and the distance, in shares of their limits; NaN where unknown.
    shares: Floats
    distance_shares: Floats
    #: (k,) what PSI must exceed; NaN where unknown.
    psi_limit: Floats
    #: (w, k) whether the column alarms.
    alarming: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """Alarms of all columns together."""
        return sum(count for count, _ in self.alarms.values())

    def nearest(self, shares: Floats) -> tuple[float, str]:
        """Return the largest of `shares` or `distance_shares`, with its column."""
        largest = np.nanmax(shares, axis=0, initial=0.0)
        return float(largest.max()), self.names[int(largest.argmax())]


def judge_all(measure: DriftStatistics, rule: AlarmRule, counts: Counts) -> Judged:
    """Judge windows (w, width) one after the other, as the merger does."""
    before = [0] * len(measure.names)
    alarming = np.zeros((len(counts), len(before)), dtype=np.bool_)
    over = np.zeros_like(alarming)
    for number, window in enumerate(counts):
        columns = rule.evaluate(measure.measure(window), before)
        before = [column.in_a_row for column in columns]
        alarming[number] = [column.state in _ALARMS for column in columns]
        over[number] = np.array(before) > 0
    begun = alarming & ~np.vstack([np.zeros_like(alarming[:1]), alarming[:-1]])
    measured = measure.measure(counts)
    limits = rule.check(measured)
    return Judged(
        rows=int(measured.rows[0]),
        windows=len(counts),
        alarms={
            name: (int(begun[:, place].sum()), int(alarming[:, place].sum()))
            for place, name in enumerate(measure.names)
            if begun[:, place].any()
        },
        over={name: int(over[:, place].sum()) for place, name in enumerate(measure.names) if over[:, place].any()},
        names=measure.names,
        shares=measured.psi / limits.psi_limit,
        distance_shares=measured.distance / limits.distance_limit,
        psi_limit=limits.psi_limit[0],
        alarming=alarming,
    )


def exchangeable_silence(bank: Bank) -> Judged:
    """Judge every window of the bank."""
    return judge_all(bank.measure, bank.rule, bank.counts)


def natural_silence(world: World, limits: DriftLimits, rows: int) -> Judged:
    """Judge the stream as it came, in windows of so many rows."""
    grid = world.grid
    measure = DriftStatistics(grid)
    starts = range(0, len(world.matrix) - rows + 1, rows)
    parts = [slice(start, start + rows) for start in starts]
    counts = np.stack([grid.count(world.matrix[part], world.scored.scores[part]) for part in parts])
    return judge_all(measure, AlarmRule(measure, limits), counts)


@dataclass(frozen=True)
class Moved:
    """One feature of the natural stream, whole."""

    name: str
    #: Of the whole stream's part, against the training part and against the same hours of the day before.
    psi: float
    #: None where the training part has no such hours.
    psi_same_hours: float | None


def what_moved(world: World) -> list[Moved]:
    """Return for each feature how far the whole stream's part lies from the training part, the furthest first.

    Each comparison is in deciles of its own reference.
    """
    span = (world.stream.event_time_ms[[0, -1]] - _DAY_MS).tolist()
    earlier = world.reference[(world.reference_time_ms >= span[0]) & (world.reference_time_ms <= span[1])]
    names = world.manifest.feature_names
    against_all = _features_psi(world, world.reference)
    against_hours: Sequence[float | None] = _features_psi(world, earlier) if len(earlier) else [None] * len(names)
    found = [Moved(*each) for each in zip(names, against_all, against_hours, strict=True)]
    return sorted(found, key=lambda each: -each.psi)


def _features_psi(world: World, reference: Matrix) -> list[float]:
    profiles = profile_features(world.manifest.features, reference)
    grid = Binning(msgspec.structs.replace(world.manifest, reference=profiles, score_reference=None))
    counts = grid.count(world.matrix, np.full(len(world.matrix), np.nan, dtype=np.float32))
    psis: list[float] = DriftStatistics(grid).measure(counts).psi[:-1].tolist()
    return psis

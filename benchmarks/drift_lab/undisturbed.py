"""How often, and on which columns, the rule raises alarms on streams without injected drift."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_lab.streams import LabStream
from benchmarks.drift_lab.windows import WindowSample
from schemas.messages import DriftState
from stream.drift.alarm_rule import AlarmRule, DriftLimits
from stream.drift.binning import Binning, Counts
from stream.drift.statistics import DriftStatistics, Floats
from stream.scoring.features import Matrix
from training.bundling.reference_profile import profile_features

_ALARM_STATES: tuple[DriftState, ...] = ("alarm", "page")
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class JudgedWindows:
    """Consecutive windows, judged by the rule. Consecutive alarms on a column count as one alarm."""

    #: Rows per window.
    rows: int
    windows: int
    #: Number of alarms and total number of windows that they lasted, by column that raised an alarm.
    alarms: Mapping[str, tuple[int, int]]
    #: Number of single windows over a limit, by column; columns without such windows are left out.
    over: Mapping[str, int]
    #: (k,) columns, in the order of `DriftStatistics`.
    names: tuple[str, ...]
    #: (w, k) PSI and distance as shares of their limits; NaN where unknown.
    shares: Floats
    distance_shares: Floats
    #: (k,) limit of PSI; NaN where unknown.
    psi_limit: Floats
    #: (w, k) whether there is an alarm on the column.
    alarming: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """Number of alarms over all columns."""
        return sum(count for count, _ in self.alarms.values())

    def closest(self, shares: Floats) -> tuple[float, str]:
        """Return the maximum of `shares` or `distance_shares`, and the column in which it occurs."""
        largest = np.nanmax(shares, axis=0, initial=0.0)
        return float(largest.max()), self.names[int(largest.argmax())]


def judge_all(statistics: DriftStatistics, rule: AlarmRule, counts: Counts) -> JudgedWindows:
    """Judge windows (w, width) one after another, as the drift monitor does."""
    before = [0] * len(statistics.names)
    alarming = np.zeros((len(counts), len(before)), dtype=np.bool_)
    over = np.zeros_like(alarming)
    for number, window in enumerate(counts):
        columns = rule.evaluate(statistics.measure(window), before)
        before = [column.in_a_row for column in columns]
        alarming[number] = [column.state in _ALARM_STATES for column in columns]
        over[number] = np.array(before) > 0
    begun = alarming & ~np.vstack([np.zeros_like(alarming[:1]), alarming[:-1]])
    measured = statistics.measure(counts)
    limits = rule.check(measured)
    names = statistics.names
    return JudgedWindows(
        rows=int(measured.rows[0]),
        windows=len(counts),
        alarms={
            name: (int(begun[:, index].sum()), int(alarming[:, index].sum()))
            for index, name in enumerate(names)
            if begun[:, index].any()
        },
        over={name: int(over[:, index].sum()) for index, name in enumerate(names) if over[:, index].any()},
        names=names,
        shares=measured.psi / limits.psi_limit,
        distance_shares=measured.distance / limits.distance_limit,
        psi_limit=limits.psi_limit[0],
        alarming=alarming,
    )


def judge_sample(sample: WindowSample) -> JudgedWindows:
    """Judge every window of a sample."""
    return judge_all(sample.statistics, sample.rule, sample.counts)


def judge_in_order(stream: LabStream, limits: DriftLimits, rows: int) -> JudgedWindows:
    """Judge a stream in its original order, in windows of `rows` rows."""
    binning = stream.binning
    statistics = DriftStatistics(binning)
    starts = range(0, len(stream.matrix) - rows + 1, rows)
    parts = [slice(start, start + rows) for start in starts]
    counts = np.stack([binning.count(stream.matrix[part], stream.scored.scores[part]) for part in parts])
    return judge_all(statistics, AlarmRule(statistics, limits), counts)


@dataclass(frozen=True)
class FeatureMovement:
    """Drift of one feature over the entire natural stream."""

    name: str
    #: PSI of the entire stream against the training split.
    psi: float
    #: PSI against the same hours of the previous day; None if the training split does not contain those hours.
    psi_same_hours: float | None


def feature_movements(stream: LabStream) -> list[FeatureMovement]:
    """Return each feature's PSI between the training split and the entire stream, largest first.

    Each comparison uses the deciles of its own reference.
    """
    span = (stream.data.event_time_ms[[0, -1]] - _DAY_MS).tolist()
    earlier = stream.reference[(stream.reference_time_ms >= span[0]) & (stream.reference_time_ms <= span[1])]
    names = stream.manifest.feature_names
    against_all = _feature_psis(stream, stream.reference)
    against_hours: Sequence[float | None] = _feature_psis(stream, earlier) if len(earlier) else [None] * len(names)
    movements = [FeatureMovement(*each) for each in zip(names, against_all, against_hours, strict=True)]
    return sorted(movements, key=lambda each: -each.psi)


def _feature_psis(stream: LabStream, reference: Matrix) -> list[float]:
    profiles = profile_features(stream.manifest.features, reference)
    binning = Binning(msgspec.structs.replace(stream.manifest, reference=profiles, score_reference=None))
    counts = binning.count(stream.matrix, np.full(len(stream.matrix), np.nan, dtype=np.float32))
    psis: list[float] = DriftStatistics(binning).measure(counts).psi[:-1].tolist()
    return psis

"""The history of one column over all windows of a drift report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.manifest import Manifest, ReferenceProfile
from schemas.messages import ColumnDrift, DriftReport, DriftState
from stream.drift.binning import Binning

#: All states, in order of severity.
_STATES: tuple[DriftState, ...] = ("unknown", "ok", "high", "alarm", "page")
ALARMS = frozenset({"alarm", "page"})


@dataclass(frozen=True)
class ColumnHistory:
    """The drift of a feature, or of the score, in every window.

    Attributes:
        name: Feature name, or "score".
        windows: Drift in each window, oldest first.
        reference: Counts of the reference's bins, missing values last; None if there is no reference.
        current: Counts of the same bins over all windows together; None if there is no reference.
    """

    name: str
    windows: tuple[ColumnDrift, ...]
    reference: tuple[int, ...] | None
    current: tuple[int, ...] | None

    @property
    def worst(self) -> DriftState:
        """The most severe state in any window."""
        return max((window.state for window in self.windows), key=_STATES.index, default="unknown")

    @property
    def alarms(self) -> list[int]:
        """Numbers of the windows with an alarm, counted from 1."""
        return [number for number, window in enumerate(self.windows, start=1) if window.state in ALARMS]

    @property
    def largest_excess(self) -> float:
        """The largest ratio of PSI to its limit; 0 if no window has a PSI with a limit."""
        ratios = (w.psi / w.psi_limit for w in self.windows if w.psi is not None and w.psi_limit)
        return max(ratios, default=0.0)


def column_histories(reports: Sequence[DriftReport], manifest: Manifest) -> list[ColumnHistory]:
    """Return the history of each feature, in manifest order, and of the score, which comes last."""
    binning = Binning(manifest)
    histories = []
    for column in (*binning.features, binning.score):
        is_score = column is binning.score
        windows = tuple(report.score if is_score else report.features[column.name] for report in reports)
        counts = [report.score_counts if is_score else report.counts[column.name] for report in reports]
        reference = current = None
        if column.profile is not None and reports:
            reference = (*column.profile.bin_counts, column.profile.missing)
            current = _merge_bins(column.edges, column.profile, np.sum(counts, axis=0))
        histories.append(ColumnHistory(column.name, windows, reference, current))
    return histories


def worst_first(columns: Iterable[ColumnHistory]) -> list[ColumnHistory]:
    """Sort columns by their most severe state, and columns in the same state by how far PSI exceeded its limit."""
    return sorted(columns, key=lambda column: (-_STATES.index(column.worst), -column.largest_excess))


def _merge_bins(
    edges: np.ndarray[tuple[int], np.dtype[np.float64]],
    profile: ReferenceProfile,
    counts: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> tuple[int, ...]:
    """Sum the counts of a column's fine bins into the bins of the reference, missing values last."""
    starts = [0, *(np.searchsorted(edges, profile.bin_edges) + 1), len(edges) + 1]
    return tuple(np.add.reduceat(counts, starts).tolist())

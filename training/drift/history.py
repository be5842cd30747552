"""One column over all windows of a report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.manifest import Manifest, ReferenceProfile
from schemas.messages import ColumnDrift, DriftReport, DriftState
from stream.drift.binning import Binning

#: By severity.
_STATES: tuple[DriftState, ...] = ("unknown", "ok", "high", "alarm", "page")
ALARMS = frozenset({"alarm", "page"})


@dataclass(frozen=True)
class ColumnHistory:
    """What became of one column."""

    name: str
    #: Oldest first.
    windows: tuple[ColumnDrift, ...]
    #: Counts of the reference's bins, missing values last, and of all windows together; None without a reference.
    reference: tuple[int, ...] | None
    counted: tuple[int, ...] | None

    @property
    def worst(self) -> DriftState:
        """The worst state of any window."""
        return max((window.state for window in self.windows), key=_STATES.index, default="unknown")

    @property
    def alarms(self) -> list[int]:
        """Numbers of the windows that alarmed, from 1."""
        return [number for number, window in enumerate(self.windows, start=1) if window.state in ALARMS]

    @property
    def furthest(self) -> float:
        """The largest PSI beside its limit; 0 where there is none."""
        beside = (w.psi / w.psi_limit for w in self.windows if w.psi is not None and w.psi_limit)
        return max(beside, default=0.0)


def histories(reports: Sequence[DriftReport], manifest: Manifest) -> list[ColumnHistory]:
    """Follow each feature in manifest order, and at last the score."""
    grid = Binning(manifest)
    found = []
    for column in (*grid.features, grid.score):
        is_score = column is grid.score
        windows = tuple(report.score if is_score else report.features[column.name] for report in reports)
        counts = [report.score_counts if is_score else report.counts[column.name] for report in reports]
        reference = counted = None
        if column.profile is not None and reports:
            reference = (*column.profile.bin_counts, column.profile.missing)
            counted = _folded(column.edges, column.profile, np.sum(counts, axis=0))
        found.append(ColumnHistory(column.name, windows, reference, counted))
    return found


def worst_first(columns: Iterable[ColumnHistory]) -> list[ColumnHistory]:
    """Rank columns by their worst state, and alike ones by how far PSI went beyond its limit."""
    return sorted(columns, key=lambda column: (-_STATES.index(column.worst), -column.furthest))


def _folded(
    edges: np.ndarray[tuple[int], np.dtype[np.float64]],
    profile: ReferenceProfile,
    counts: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> tuple[int, ...]:
    """Add a column's fine bins up to the reference's, missing values last."""
    starts = [0, *(np.searchsorted(edges, profile.bin_edges) + 1), len(edges) + 1]
    return tuple(np.add.reduceat(counts, starts).tolist())

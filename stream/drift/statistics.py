"""Drift statistics for every column: how windows of counts differ from a bundle's reference."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import ReferenceProfile
from stream.drift.binning import BinnedColumn, Binning, Counts
from stream.drift.distances import jensen_shannon, ks_distance, psi
from stream.drift.significance import holm, kolmogorov_p

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WindowStatistics:
    """Statistics of (...,) windows of k columns: the features in manifest order, then the score.

    All values are NaN for a column without a reference and for a window without rows.
    """

    #: (...,) number of rows in each window, the same for every column.
    rows: NDArray[np.int64]
    #: (..., k) PSI, at least 0. Missing values count as a bin.
    psi: Floats
    #: (..., k) distance in [0, 1] between the values that are not missing: the KS statistic, or the Jensen-Shannon
    #: distance for a categorical column.
    distance: Floats
    #: (..., k) p-value of the KS statistic, corrected over all columns (Holm); NaN for a categorical column.
    p: Floats
    #: (..., k) share of missing values, in [0, 1].
    missing: Floats


class DriftStatistics:
    """Computes drift statistics from counts in one bundle's bins.

    Args:
        binning: Bins of the bundle.

    Attributes:
        columns: Bins of the k columns: the features in manifest order, then the score.
        names: Names of the k columns.
        categorical: (k,) whether a column is categorical; if so, its distance is the Jensen-Shannon distance, which has
            no p-value.
        bins: (k,) number of bins in which the reference has rows; missing values count as a bin.
        reference_rows: (k,) number of rows in the reference, including rows with a missing value.
    """

    def __init__(self, binning: Binning) -> None:
        self.columns = (*binning.features, binning.score)
        self.names = tuple(column.name for column in self.columns)
        references = [_Reference(column, column.profile) if column.profile else None for column in self.columns]
        counts = [each.counts if each else np.zeros(0, dtype=np.int64) for each in references]
        self.categorical = np.array([bool(each and each.categorical) for each in references])
        self.bins = np.array([int((each > 0).sum()) for each in counts])
        self.reference_rows = np.array([int(each.sum()) for each in counts])
        self._present = np.array([int(each[:-1].sum()) for each in counts])
        self._blocks = _blocks((index, each) for index, each in enumerate(references) if each)

    def measure(self, counts: Counts) -> WindowStatistics:
        """Return the drift statistics of windows.

        Args:
            counts: (..., width) counts in the bundle's bins; leading axes are windows.

        Raises:
            ValueError: If the counts were made with other bins.
        """
        if counts.shape[-1] != self.columns[-1].stop:
            raise ValueError("counts do not match the bins of the bundle")
        shape = (*counts.shape[:-1], len(self.columns))
        rows = counts[..., self.columns[0].start : self.columns[0].stop].sum(axis=-1)
        psis, distances = np.full(shape, np.nan), np.full(shape, np.nan)
        missing = counts[..., [column.stop - 1 for column in self.columns]]
        for block in self._blocks:
            own = counts[..., block.positions]
            bins = np.add.reduceat(own, block.starts, axis=-1)
            psis[..., block.indices] = psi(block.counts, bins)
            distances[..., block.indices] = (
                jensen_shannon(block.counts[:, :-1], bins[..., :-1])
                if block.categorical
                else ks_distance(block.below, own[..., :-1])
            )
        raw = kolmogorov_p(distances, rows[..., None] - missing, self._present)
        p = holm(np.where(self.categorical, np.nan, raw))
        shares = np.where(rows[..., None] > 0, missing / np.maximum(rows[..., None], 1), np.nan)
        return WindowStatistics(rows, psis, distances, p, shares)


class _Reference:
    """The reference of one column, mapped to the column's finer bins."""

    def __init__(self, column: BinnedColumn, profile: ReferenceProfile) -> None:
        self.column = column
        #: (b + 2,) counts in the b + 1 reference bins, then of missing values.
        self.counts = np.array([*profile.bin_counts, profile.missing], dtype=np.int64)
        self.categorical = not profile.quantiles
        #: (b + 2,) index in the column's counts at which each reference bin starts, then the index of missing values.
        self.starts = (0, *(np.searchsorted(column.edges, profile.bin_edges) + 1).tolist(), len(column.edges) + 1)
        #: (k,) share of the reference below each edge.
        self.below = _share_below(column.edges, profile)

    @property
    def layout(self) -> tuple[bool, tuple[int, ...]]:
        """Key that is equal for columns that can be computed together."""
        return self.categorical, self.starts


class _Block:
    """A group of c columns with the same layout, stored as arrays so that numpy computes all of them at once.

    Args:
        references: Indices and references of the columns, which must have the same layout.
    """

    def __init__(self, references: Sequence[tuple[int, _Reference]]) -> None:
        each = [reference for _, reference in references]
        self.categorical, starts = each[0].layout
        self.starts = np.array(starts)
        #: (c,) indices of the columns.
        self.indices = [index for index, _ in references]
        #: (c, k + 2) positions of the columns' counts in the model's vector.
        self.positions = np.array([range(reference.column.start, reference.column.stop) for reference in each])
        #: (c, b + 2) counts of the references.
        self.counts = np.array([reference.counts for reference in each])
        #: (c, k) share of each reference below each edge.
        self.below = np.array([reference.below for reference in each])


def _blocks(references: Iterable[tuple[int, _Reference]]) -> list[_Block]:
    by_layout = sorted(references, key=lambda indexed: indexed[1].layout)
    return [_Block([*group]) for _, group in groupby(by_layout, key=lambda indexed: indexed[1].layout)]


def _share_below(edges: Floats, profile: ReferenceProfile) -> Floats:
    """Return (k,) the share of the reference below each edge.

    The share is exact at the edges of reference bins, because their rows were counted. At other edges, the share comes
    from the quantiles: of n quantiles, quantile i (from 0) stands for a share of i / (n - 1). If several quantiles are
    equal, the first gives the share at their value and the last gives the share just above. Between two quantiles, the
    share is interpolated linearly.
    """
    if not profile.quantiles:
        return np.zeros(len(edges))
    quantiles = np.array(profile.quantiles)
    last = max(len(quantiles) - 1, 1)
    values, first = np.unique(quantiles, return_index=True)
    below = np.interp(edges, values, first / last)
    # An edge between two quantiles lies above all quantiles that equal the lower one.
    reached = np.searchsorted(quantiles, edges, side="left")
    inside = (reached > 0) & (reached < len(quantiles)) & ~np.isin(edges, values)
    below[inside] = np.clip(below[inside], (reached[inside] - 1) / last, reached[inside] / last)
    below[reached >= len(quantiles)] = 1.0
    total = sum(profile.bin_counts)
    if total:
        counted = np.cumsum(profile.bin_counts[:-1]) / total
        below[np.searchsorted(edges, profile.bin_edges)] = counted
    return below

"""How far counts have moved from a bundle's reference: every statistic of every column."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import ReferenceProfile
from stream.drift.grid import Column, Counts, Grid
from stream.drift.holm import holm
from stream.drift.jensen_shannon import jensen_shannon
from stream.drift.ks import kolmogorov_p, ks_distance
from stream.drift.psi import psi

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """Statistics of windows (...,) of k columns: the features in manifest order, then the score.

    NaN where there is no reference, or no row.
    """

    #: (...,) of each window; every column has as many.
    rows: NDArray[np.int64]
    #: (..., k), at least 0. Missing values are a bin.
    psi: Floats
    #: (..., k) the KS statistic, of categories the Jensen-Shannon distance, of those values that are not missing.
    distance: Floats
    #: (..., k) of KS, corrected over all columns (Holm); NaN for categories.
    p: Floats
    #: (..., k) share, in [0, 1].
    missing: Floats


class Measure:
    """Measures counts by one bundle's bins.

    Args:
        grid: Of the bundle.

    Attributes:
        columns: The k columns, features in manifest order, then the score.
        names: Of the columns.
        categorical: (k,) whether its distance is Jensen-Shannon's and it has no p-value.
        bins: (k,) that the reference has rows in, missing values being one.
        reference_rows: (k,) of the reference, missing values included.
    """

    def __init__(self, grid: Grid) -> None:
        self.columns = (*grid.features, grid.score)
        self.names = tuple(column.name for column in self.columns)
        self._references = [_Reference(column, column.profile) if column.profile else None for column in self.columns]
        counts = [each.counts if each else np.zeros(0, dtype=np.int64) for each in self._references]
        self.categorical = np.array([bool(each and each.categorical) for each in self._references])
        self.bins = np.array([int((each > 0).sum()) for each in counts])
        self.reference_rows = np.array([int(each.sum()) for each in counts])
        self._present = np.array([int(each[:-1].sum()) for each in counts])

    def measure(self, counts: Counts) -> Measured:
        """Measure windows.

        Args:
            counts: (..., width) of the grid; leading axes are windows.

        Raises:
            ValueError: If these are counts by other bins.
        """
        if counts.shape[-1] != self.columns[-1].stop:
            raise ValueError("counts by other bins than the bundle's")
        shape = (*counts.shape[:-1], len(self.columns))
        rows = counts[..., self.columns[0].start : self.columns[0].stop].sum(axis=-1)
        psis, distances = np.full(shape, np.nan), np.full(shape, np.nan)
        missing = counts[..., [column.stop - 1 for column in self.columns]]
        for place, (column, reference) in enumerate(zip(self.columns, self._references, strict=True)):
            own = counts[..., column.start : column.stop]
            if reference is None:
                continue
            bins = reference.fold(own)
            psis[..., place] = psi(reference.counts, bins)
            if reference.categorical:
                distances[..., place] = jensen_shannon(reference.counts[:-1], bins[..., :-1])
            else:
                distances[..., place] = ks_distance(reference.below, own[..., :-1])
        raw = kolmogorov_p(distances, rows[..., None] - missing, self._present)
        p = holm(np.where(self.categorical, np.nan, raw))
        shares = np.where(rows[..., None] > 0, missing / np.maximum(rows[..., None], 1), np.nan)
        return Measured(rows, psis, distances, p, shares)


class _Reference:
    """One column's reference, laid beside the grid's finer bins."""

    def __init__(self, column: Column, profile: ReferenceProfile) -> None:
        #: (b + 2,): of the b + 1 reference bins, the missing ones last.
        self.counts = np.array([*profile.bin_counts, profile.missing], dtype=np.int64)
        self.categorical = not profile.quantiles
        # Where in the column's places each reference bin begins, and the missing values.
        self._starts = np.array([0, *(np.searchsorted(column.edges, profile.bin_edges) + 1), len(column.edges) + 1])
        self.below = _share_below(column.edges, profile)

    def fold(self, own: Counts) -> Counts:
        """Add the grid's bins (..., k + 2) up to the reference's (..., b + 2)."""
        return np.add.reduceat(own, self._starts, axis=-1)


def _share_below(edges: Floats, profile: ReferenceProfile) -> Floats:
    """Return (k,) the share of the reference below each edge.

    At the edge of a reference bin it was counted. Elsewhere it is what the quantiles say, the i-th of n being
    i / (n - 1): of several alike the first, just above them the last, and between two a straight line.
    """
    if not profile.quantiles:
        return np.zeros(len(edges))
    quantiles = np.array(profile.quantiles)
    last = max(len(quantiles) - 1, 1)
    values, first = np.unique(quantiles, return_index=True)
    below = np.interp(edges, values, first / last)
    # An edge between two quantiles lies above all those that are alike at the lower one.
    reached = np.searchsorted(quantiles, edges, side="left")
    inside = (reached > 0) & (reached < len(quantiles)) & ~np.isin(edges, values)
    below[inside] = np.clip(below[inside], (reached[inside] - 1) / last, reached[inside] / last)
    below[reached >= len(quantiles)] = 1.0
    total = sum(profile.bin_counts)
    if total:
        counted = np.cumsum(profile.bin_counts[:-1]) / total
        below[np.searchsorted(edges, profile.bin_edges)] = counted
    return below

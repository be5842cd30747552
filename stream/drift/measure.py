"""How far counts have moved from a bundle's reference: every statistic of every column."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

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
        references = [_Reference(column, column.profile) if column.profile else None for column in self.columns]
        counts = [each.counts if each else np.zeros(0, dtype=np.int64) for each in references]
        self.categorical = np.array([bool(each and each.categorical) for each in references])
        self.bins = np.array([int((each > 0).sum()) for each in counts])
        self.reference_rows = np.array([int(each.sum()) for each in counts])
        self._present = np.array([int(each[:-1].sum()) for each in counts])
        self._blocks = _blocks((place, each) for place, each in enumerate(references) if each)

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
        for block in self._blocks:
            own = counts[..., block.at]
            bins = np.add.reduceat(own, block.starts, axis=-1)
            psis[..., block.places] = psi(block.counts, bins)
            distances[..., block.places] = (
                jensen_shannon(block.counts[:, :-1], bins[..., :-1])
                if block.categorical
                else ks_distance(block.below, own[..., :-1])
            )
        raw = kolmogorov_p(distances, rows[..., None] - missing, self._present)
        p = holm(np.where(self.categorical, np.nan, raw))
        shares = np.where(rows[..., None] > 0, missing / np.maximum(rows[..., None], 1), np.nan)
        return Measured(rows, psis, distances, p, shares)


class _Reference:
    """One column's reference, laid beside the grid's finer bins."""

    def __init__(self, column: Column, profile: ReferenceProfile) -> None:
        self.column = column
        #: (b + 2,): of the b + 1 reference bins, the missing ones last.
        self.counts = np.array([*profile.bin_counts, profile.missing], dtype=np.int64)
        self.categorical = not profile.quantiles
        #: (b + 2,) where in the column's places each reference bin begins, and the missing values.
        self.starts = (0, *(np.searchsorted(column.edges, profile.bin_edges) + 1).tolist(), len(column.edges) + 1)
        #: (k,) share of the reference below each edge.
        self.below = _share_below(column.edges, profile)

    @property
    def layout(self) -> tuple[bool, tuple[int, ...]]:
        """What columns have in common that can be measured together."""
        return self.categorical, self.starts


class _Block:
    """The c columns of one layout, as arrays: numpy is asked once for all of them.

    Args:
        references: By place of the column.
    """

    def __init__(self, references: Sequence[tuple[int, _Reference]]) -> None:
        each = [reference for _, reference in references]
        self.categorical, starts = each[0].layout
        self.starts = np.array(starts)
        #: (c,) of the columns.
        self.places = [place for place, _ in references]
        #: (c, k + 2) of their places in the grid's vector.
        self.at = np.array([range(reference.column.start, reference.column.stop) for reference in each])
        #: (c, b + 2).
        self.counts = np.array([reference.counts for reference in each])
        #: (c, k).
        self.below = np.array([reference.below for reference in each])


def _blocks(references: Iterable[tuple[int, _Reference]]) -> list[_Block]:
    alike = sorted(references, key=lambda placed: placed[1].layout)
    return [_Block([*group]) for _, group in groupby(alike, key=lambda placed: placed[1].layout)]


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

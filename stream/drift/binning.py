"""The bins in which a model's inputs and scores are counted, as fixed by its bundle.

A column's edges are the sorted union of its reference bins' edges and its reference quantiles. So one binary search for
each value serves both statistics: for PSI, neighbouring bins are summed into reference bins, and for KS, the cumulative
counts are compared at every edge. A value that several quantiles share, such as the value of a constant column, gets a
second edge just above it; otherwise, values that move up slightly would stay in the same bin. A model's counts form one
flat vector, so the counts of batches, panes and workers can be added up.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Manifest, ReferenceProfile
from stream.scoring.features import Matrix

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BinnedColumn:
    """The bins of one feature or of the score.

    Attributes:
        name: Name of the feature, or "score".
        edges: (k,) edges between the bins, ascending; a value on an edge belongs to the bin above it. Without a
            reference there are no edges, and every value is in the only bin.
        profile: Reference profile of the column; None if the bundle has none.
        start: Index of the column's first count in the model's vector. The column has k + 2 counts: one for each of the
            k + 1 bins, then one for missing values.
        bounds: (k + 1,) end of each bin, as float32; the last end is NaN.
    """

    name: str
    edges: NDArray[np.float64]
    profile: ReferenceProfile | None
    start: int
    bounds: NDArray[np.float32]

    @property
    def stop(self) -> int:
        """Index in the model's vector just after the column's last count."""
        return self.start + len(self.edges) + 2


class Binning:
    """The bins of all columns of one bundle.

    Args:
        manifest: Manifest of the bundle.

    Attributes:
        features: Bins of the features, in manifest order.
        score: Bins of the score.
        width: Length of the model's vector of counts.
    """

    def __init__(self, manifest: Manifest) -> None:
        start, columns = 0, []
        profiles = [(feature.name, manifest.reference.get(feature.name)) for feature in manifest.features]
        for name, profile in (*profiles, ("score", manifest.score_reference)):
            edges = _edges(profile)
            columns.append(BinnedColumn(name, edges, profile, start, _bounds(edges)))
            start = columns[-1].stop
        *features, self.score = columns
        self.features = tuple(features)
        self.width = start

    def count(self, matrix: Matrix, scores: NDArray[np.float32]) -> Counts:
        """Count the values of n rows.

        Args:
            matrix: (n, n_features) feature values in manifest order, NaN for missing values.
            scores: (n,) scores, NaN for rows without a score.

        Returns:
            (width,) counts: the result of `count_features`, followed by the result of `count_scores`.
        """
        return np.concatenate([self.count_features(matrix), self.count_scores(scores)])

    def count_features(self, matrix: Matrix) -> Counts:
        """Count the features of n rows; models with the same features and reference can share the result."""
        return _count(self.features, matrix.T)

    def count_scores(self, scores: NDArray[np.float32]) -> Counts:
        """Count n scores."""
        return _count((self.score,), scores[np.newaxis])

    def column_counts(self, column: BinnedColumn, counts: Counts) -> Counts:
        """Return the (k + 2,) counts of one column."""
        return counts[column.start : column.stop]

    def split(self, counts: Counts) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
        """Return counts in the form used in messages: the features' counts by name, and the score's counts."""
        features = {column.name: tuple(self.column_counts(column, counts).tolist()) for column in self.features}
        return features, tuple(self.column_counts(self.score, counts).tolist())

    def join(self, features: dict[str, tuple[int, ...]], scores: Sequence[int]) -> Counts:
        """Return the (width,) vector of counts from the form used in messages; the inverse of `split`.

        Raises:
            ValueError: If the counts were made with other bins.
        """
        by_column = [features.get(column.name, ()) for column in self.features]
        widths = [column.stop - column.start for column in (*self.features, self.score)]
        if [len(each) for each in (*by_column, scores)] != widths:
            raise ValueError("counts do not match the bins of the bundle")
        try:
            return np.fromiter(itertools.chain(*by_column, scores), dtype=np.int64, count=self.width)
        except OverflowError:
            raise ValueError("counts do not fit in 64 bits") from None


def _count(columns: Sequence[BinnedColumn], values: NDArray[np.float32]) -> Counts:
    """Return the counts of (columns, n) values in each column's bins, concatenated over columns."""
    # From 1,000 rows on, searching the sorted values for each edge takes a tenth of the time that searching the edges
    # for each value would take. NaN sorts after every edge and after infinity.
    ordered = np.array(values, order="C")
    ordered.sort(axis=1)
    first = columns[0].start
    counts = np.empty(columns[-1].stop - first, dtype=np.int64)
    for column, row in zip(columns, ordered, strict=True):
        start, stop = column.start - first, column.stop - first
        below = row.searchsorted(column.bounds)
        counts[start] = below[0]
        counts[start + 1 : stop - 1] = np.diff(below)
        counts[stop - 1] = len(row) - below[-1]
    return counts


def _edges(profile: ReferenceProfile | None) -> NDArray[np.float64]:
    if profile is None:
        return np.empty(0)
    quantiles, repetitions = np.unique(np.array(profile.quantiles, dtype=np.float64), return_counts=True)
    with np.errstate(over="ignore"):
        above = np.nextafter(quantiles[repetitions > 1].astype(np.float32), np.float32(np.inf))
    return np.unique(np.concatenate([profile.bin_edges, quantiles, above]).astype(np.float64))


def _bounds(edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return (k + 1,) bounds: the smallest float32 that is not below each edge, and then NaN.

    Comparing a float32 value with such a bound gives the same result as comparing it with the edge.
    """
    with np.errstate(over="ignore"):
        near = edges.astype(np.float32)
    up = np.nextafter(near, np.float32(np.inf))
    return np.append(np.where(near < edges, up, near), np.float32(np.nan))

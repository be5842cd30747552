"""The bins in which a model's inputs and scores are counted, fixed by its bundle.

The edges of a column are those of its reference bins and its reference quantiles together, sorted. So one binary search
for each value serves both statistics: PSI adds up neighbouring bins to reference bins, and KS compares the cumulative
counts at every edge. A value that several quantiles share, such as the value of a constant column, gets a second edge
just above it; otherwise, values that move upwards from it would stay in its bin. All counts of a model form one flat
vector, so counts add up over batches, panes and workers.
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
    """The bins of one feature, or of the score.

    Attributes:
        name: Name of the feature, or "score".
        edges: (k,) ascending; a value on an edge belongs to the bin above it. Empty without a reference: every value
            is then in the one bin.
        profile: Reference profile; None if the bundle has none.
        start: Index in the model's vector of the first of k + 2 counts: k + 1 bins, then missing values.
        bounds: (k + 1,) where each bin ends, as float32; the last one is NaN.
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
        features: The features' columns, in manifest order.
        score: The score's column.
        width: Length of the vector of counts.
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
            matrix: (n, n_features) in manifest order, NaN for missing values.
            scores: (n,) scores, NaN for rows without one.

        Returns:
            (width,) counts: those of `count_features`, followed by those of `count_scores`.
        """
        return np.concatenate([self.count_features(matrix), self.count_scores(scores)])

    def count_features(self, matrix: Matrix) -> Counts:
        """Count the features of n rows; models with the same features and reference can share the result."""
        return _count(self.features, matrix.T)

    def count_scores(self, scores: NDArray[np.float32]) -> Counts:
        """Count n scores."""
        return _count((self.score,), scores[np.newaxis])

    def column_counts(self, column: BinnedColumn, counts: Counts) -> Counts:
        """Return (k + 2,) the counts of one column."""
        return counts[column.start : column.stop]

    def split(self, counts: Counts) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
        """Return counts in the form that messages carry: by feature name, and the score's."""
        features = {column.name: tuple(self.column_counts(column, counts).tolist()) for column in self.features}
        return features, tuple(self.column_counts(self.score, counts).tolist())

    def join(self, features: dict[str, tuple[int, ...]], scores: Sequence[int]) -> Counts:
        """Return (width,) the vector of counts from the form that messages carry; the inverse of `split`.

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
            raise ValueError("counts do not fit 64 bits") from None


def _count(columns: Sequence[BinnedColumn], values: NDArray[np.float32]) -> Counts:
    """Count (columns, n) values; return the columns' counts, concatenated."""
    # Searching sorted values for the edges takes a tenth of the time of searching the edges for each value, from 1,000
    # rows on. NaN sorts behind every edge, and behind infinity.
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
    """Return (k + 1,) the smallest float32 not below each edge, then NaN.

    A float32 value compares with such a bound as it does with the edge.
    """
    with np.errstate(over="ignore"):
        near = edges.astype(np.float32)
    up = np.nextafter(near, np.float32(np.inf))
    return np.append(np.where(near < edges, up, near), np.float32(np.nan))

"""The bins that a model's input and scores are counted in, frozen by its bundle.

Each column has one sorted row of edges: those of its reference bins and its reference quantiles together. So one
look at a value serves both statistics: PSI adds neighbouring bins up to the reference bins, KS compares the
cumulated counts at every edge. A value that several quantiles share, as a constant column's, has another edge just
above it: what leaves it upwards would stay in its bin otherwise. Counts are one flat vector a model: they add up over
batches, panes and workers.
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
class Column:
    """The bins of one feature, or of the score.

    Attributes:
        edges: (k,) ascending; a value on an edge belongs to the bin above it. None at all without a reference: then
            every value is in the one bin.
        profile: The reference; None where the bundle has none.
        start: Of its k + 2 places in the model's vector: k + 1 bins, then the missing ones.
    """

    name: str
    edges: NDArray[np.float64]
    profile: ReferenceProfile | None
    start: int
    #: (k + 1,) where each bin ends, the last at NaN.
    bounds: NDArray[np.float32]

    @property
    def stop(self) -> int:
        """End of its places in the model's vector."""
        return self.start + len(self.edges) + 2


class Grid:
    """All columns of one bundle.

    Args:
        manifest: Of the bundle.

    Attributes:
        features: In manifest order.
        score: The score's column.
        width: Of the vector of counts.
    """

    def __init__(self, manifest: Manifest) -> None:
        start, columns = 0, []
        profiles = [(feature.name, manifest.reference.get(feature.name)) for feature in manifest.features]
        for name, profile in (*profiles, ("score", manifest.score_reference)):
            edges = _edges(profile)
            columns.append(Column(name, edges, profile, start, _bounds(edges)))
            start = columns[-1].stop
        *features, self.score = columns
        self.features = tuple(features)
        self.width = start

    def count(self, matrix: Matrix, scores: NDArray[np.float32]) -> Counts:
        """Count n rows.

        Args:
            matrix: (n, n_features) in manifest order, NaN where a value was missing.
            scores: (n,), NaN where there is none.

        Returns:
            (width,) how many values fell into each bin: what `count_features` and `count_scores` return, side by side.
        """
        return np.concatenate([self.count_features(matrix), self.count_scores(scores)])

    def count_features(self, matrix: Matrix) -> Counts:
        """Count the features of n rows; two models with the same features and reference share them."""
        return _count(self.features, matrix.T)

    def count_scores(self, scores: NDArray[np.float32]) -> Counts:
        """Count n scores."""
        return _count((self.score,), scores[np.newaxis])

    def of(self, column: Column, counts: Counts) -> Counts:
        """Return (k + 2,) the places of one column."""
        return counts[column.start : column.stop]

    def split(self, counts: Counts) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
        """Return counts as messages carry them: by feature name, and the score's."""
        features = {column.name: tuple(self.of(column, counts).tolist()) for column in self.features}
        return features, tuple(self.of(self.score, counts).tolist())

    def join(self, features: dict[str, tuple[int, ...]], scores: Sequence[int]) -> Counts:
        """Return the vector of what `split` returned.

        Raises:
            ValueError: If these are counts by other bins.
        """
        found = [features.get(column.name, ()) for column in self.features]
        widths = [column.stop - column.start for column in (*self.features, self.score)]
        if [len(each) for each in (*found, scores)] != widths:
            raise ValueError("counts by other bins than the bundle's")
        return np.fromiter(itertools.chain(*found, scores), dtype=np.int64, count=self.width)


def _count(columns: Sequence[Column], values: NDArray[np.float32]) -> Counts:
    """Count (columns, n) values; the counts of the columns stand side by side."""
    # Sorted values are searched for the edges, not the edges for each value: a tenth of the time from 1,000 rows on.
    # NaN sorts behind every edge, and behind infinity.
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
    quantiles, times = np.unique(np.array(profile.quantiles, dtype=np.float64), return_counts=True)
    with np.errstate(over="ignore"):
        above = np.nextafter(quantiles[times > 1].astype(np.float32), np.float32(np.inf))
    return np.unique(np.concatenate([profile.bin_edges, quantiles, above]).astype(np.float64))


def _bounds(edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the smallest float32 not below each edge, so that a float32 is compared as with the edge, and NaN."""
    with np.errstate(over="ignore"):
        near = edges.astype(np.float32)
    up = np.nextafter(near, np.float32(np.inf))
    return np.append(np.where(near < edges, up, near), np.float32(np.nan))

"""Encode feature vectors for linear models and neural nets: no missing values, and a 0/1 column for each category."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature
from stream.scoring.features import Matrix
from training.models.graph import FEATURES, GraphWriter

#: Largest number of categories, the most frequent ones, that have a column of their own. All others, including
#: unknown ones, share one more column, so that a feature with thousands of categories does not exhaust the memory.
MAX_LEVELS = 50


class Encoding:
    """Encodes feature vectors: numeric columns, with medians for missing values, then 0/1 columns of categories.

    A missing category has 0 in all columns of its feature. `transform` and the graph that `write` adds give
    bit-identical results.

    Args:
        features: Features in the order of the matrix's columns.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._numeric = [i for i, feature in enumerate(features) if feature.kind != "categorical"]
        self._medians = np.array([features[i].median for i in self._numeric], dtype=np.float32)
        #: For each categorical feature, its column and the number of its categories that have a column of their own.
        self._categorical = [
            (i, min(len(feature.categories), MAX_LEVELS))
            for i, feature in enumerate(features)
            if feature.kind == "categorical"
        ]

    @property
    def width(self) -> int:
        """Number of columns after encoding."""
        return len(self._numeric) + sum(levels + 1 for _, levels in self._categorical)

    def transform(self, matrix: Matrix) -> NDArray[np.float64]:
        """Return the encoded matrix (n, width) of a matrix (n, n_features)."""
        numeric = matrix[:, self._numeric]
        parts = [np.where(np.isnan(numeric), self._medians, numeric)]
        for column, levels in self._categorical:
            codes = matrix[:, [column]]
            parts += [codes == np.arange(levels), codes >= levels]
        return np.concatenate(parts, axis=1, dtype=np.float64)

    def write(self, graph: GraphWriter) -> str:
        """Add the encoding of `FEATURES` to the graph, and return the name of its output, double (n, width)."""
        parts = []
        if self._numeric:
            numeric = graph.add("Gather", FEATURES, graph.constant(self._numeric, np.int64), axis=1)
            missing = graph.add("IsNaN", numeric)
            filled = graph.add("Where", missing, graph.constant(self._medians, np.float32), numeric)
            parts.append(graph.double(filled))
        for column, levels in self._categorical:
            codes = graph.add("Gather", FEATURES, graph.constant([column], np.int64), axis=1)
            own = graph.add("Equal", codes, graph.constant(np.arange(levels), np.float32))
            rare = graph.add("GreaterOrEqual", codes, graph.constant(levels, np.float32))
            parts += [graph.double(own), graph.double(rare)]
        return graph.add("Concat", *parts, axis=1)

"""Feature vectors from raw columns. The stream and training call the same code, so there is no skew."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature, MissingPolicy

Matrix = NDArray[np.float32]


class FeaturePlan:
    """How one manifest's feature vectors are made.

    Attributes:
        numeric: Names read from `Transaction.features`, in manifest order without the derived ones.
    """

    def __init__(self, features: Sequence[Feature], missing: MissingPolicy) -> None:
        self.names = tuple(feature.name for feature in features)
        self.numeric = tuple(feature.name for feature in features if feature.kind == "numeric")
        self.medians = np.array([feature.median for feature in features], dtype=np.float32)
        self.missing = missing
        self._numeric_at = [i for i, feature in enumerate(features) if feature.kind == "numeric"]
        self._amount_at = [i for i, feature in enumerate(features) if feature.kind == "amount_minor"]

    def matrix(self, numeric: NDArray[np.float64], amount_minor: NDArray[np.int64]) -> Matrix:
        """Make the model's input.

        Args:
            numeric: (n, len(self.numeric)), NaN where the transaction said null.
            amount_minor: (n,), in minor units.

        Returns:
            (n, n_features) in manifest order. Infinite where a value does not fit a float32; NaN where null was
            given and the policy is not `median`. `usable` says which rows may be scored.
        """
        matrix = np.empty((len(amount_minor), len(self.names)), dtype=np.float32)
        with np.errstate(over="ignore"):  # 1e39 becomes infinite, which `usable` then refuses
            matrix[:, self._numeric_at] = numeric
        matrix[:, self._amount_at] = amount_minor[:, np.newaxis]
        if self.missing == "median":
            rows, columns = np.nonzero(np.isnan(matrix))
            matrix[rows, columns] = self.medians[columns]
        return matrix

    def first_infinite(self, matrix: Matrix) -> NDArray[np.intp]:
        """Return (n,) the index of each row's first infinite feature, -1 where there is none."""
        return _first_true(np.isinf(matrix))

    def first_refused_null(self, matrix: Matrix) -> NDArray[np.intp]:
        """Return (n,) the index of each row's first null that the policy refuses, -1 where there is none."""
        if self.missing == "refuse":
            return _first_true(np.isnan(matrix))
        return np.full(len(matrix), -1)


def _first_true(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return each row's first true column, -1 for rows without one.

    >>> _first_true(np.array([[False, True], [False, False]]))
    array([ 1, -1])
    """
    if not mask.any():
        return np.full(len(mask), -1)
    return np.where(mask.any(axis=1), mask.argmax(axis=1), -1)

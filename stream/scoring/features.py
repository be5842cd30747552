"""Feature vectors from raw columns. The stream and training call the same code, so there is no skew."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature, FeatureKind, MissingPolicy

Matrix = NDArray[np.float32]
_DAY_MS = 86_400_000


class FeaturePlan:
    """How one manifest's feature vectors are made.

    Attributes:
        numeric: Names read as numbers from `Transaction.features`, in manifest order without the derived ones.
        categorical: Names read as strings, likewise.
    """

    def __init__(self, features: Sequence[Feature], missing: MissingPolicy) -> None:
        self.names = tuple(feature.name for feature in features)
        self.numeric = tuple(feature.name for feature in features if feature.kind == "numeric")
        self.categorical = tuple(feature.name for feature in features if feature.kind == "categorical")
        self.medians = np.array([feature.median for feature in features], dtype=np.float32)
        self.missing = missing
        self._kinds = [feature.kind for feature in features]
        self._codes = {
            feature.name: {category: i for i, category in enumerate(feature.categories)} for feature in features
        }

    def codes(self, name: str, values: Sequence[str | None]) -> NDArray[np.float64]:
        """Return (n,) each category's index, their number for an unknown one, NaN for null."""
        codes = self._codes[name]
        unknown = len(codes)
        return np.array([np.nan if value is None else codes.get(value, unknown) for value in values], dtype=np.float64)

    def matrix(
        self,
        numeric: NDArray[np.float64],
        categorical: NDArray[np.float64],
        amount_minor: NDArray[np.int64],
        event_time_ms: NDArray[np.int64],
    ) -> Matrix:
        """Make the model's input.

        Args:
            numeric: (n, len(self.numeric)), NaN where the transaction said null.
            categorical: (n, len(self.categorical)) codes, NaN likewise.
            amount_minor: (n,), in minor units.
            event_time_ms: (n,), UTC milliseconds.

        Returns:
            (n, n_features) in manifest order. Infinite where a value does not fit a float32; NaN where null was
            given and the policy is not `median`. `usable` says which rows may be scored.
        """
        matrix = np.empty((len(amount_minor), len(self.names)), dtype=np.float32)
        with np.errstate(over="ignore"):  # 1e39 becomes infinite, which `usable` then refuses
            matrix[:, self._at("numeric")] = numeric
        matrix[:, self._at("categorical")] = categorical
        matrix[:, self._at("amount_minor")] = amount_minor[:, np.newaxis]
        matrix[:, self._at("log_amount")] = np.log1p(amount_minor)[:, np.newaxis]
        angle = 2 * np.pi * (event_time_ms % _DAY_MS) / _DAY_MS
        matrix[:, self._at("hour_sin")] = np.sin(angle)[:, np.newaxis]
        matrix[:, self._at("hour_cos")] = np.cos(angle)[:, np.newaxis]
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

    def _at(self, kind: FeatureKind) -> list[int]:
        return [i for i, each in enumerate(self._kinds) if each == kind]


def _first_true(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return each row's first true column, -1 for rows without one.

    >>> _first_true(np.array([[False, True], [False, False]]))
    array([ 1, -1])
    """
    if not mask.any():
        return np.full(len(mask), -1)
    return np.where(mask.any(axis=1), mask.argmax(axis=1), -1)

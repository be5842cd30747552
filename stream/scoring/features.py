"""Builds feature vectors from raw columns. The stream and training share this code, so there is no skew."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature, FeatureKind, MissingPolicy
from stream.scoring.derived_features import DERIVED

Matrix = NDArray[np.float32]


class FeaturePlan:
    """How to build the feature vectors that a manifest describes.

    Attributes:
        features: Features in manifest order.
        missing: Policy for missing values.
        names: (n_features,) feature names.
        numeric: Names of the features read from `Transaction.features` as numbers, in manifest order.
        categorical: Names of the features read from `Transaction.features` as strings, in manifest order.
        medians: (n_features,) reference medians, float32.
        sources: For each of the n_features features, the index of the first feature with the same source. Several
            features may be derived from the amount or the event time; any other feature is its own source.
    """

    def __init__(self, features: Sequence[Feature], missing: MissingPolicy) -> None:
        self.features = tuple(features)
        self.missing = missing
        self.names = tuple(feature.name for feature in features)
        self.numeric = tuple(feature.name for feature in features if feature.kind == "numeric")
        self.categorical = tuple(feature.name for feature in features if feature.kind == "categorical")
        self.medians = np.array([feature.median for feature in features], dtype=np.float32)
        self.sources = _sources(features)
        self._numeric_columns = _columns_of_kind(features, "numeric")
        self._categorical_columns = _columns_of_kind(features, "categorical")
        self._derived = [(i, DERIVED[f.kind]) for i, f in enumerate(features) if f.kind in DERIVED]
        self._codes = {f.name: _code_of(f.categories) for f in features if f.kind == "categorical"}

    def codes(self, name: str, values: Sequence[str | None]) -> NDArray[np.float64]:
        """Return, for each of n strings, its index in the categories of the feature `name`.

        An unknown string gets the index `len(categories)`, and null gets NaN. Comparison is exact and case-sensitive.

        >>> plan = FeaturePlan([Feature("country", 0, "categorical", ("FR", "BE"))], "nan")
        >>> plan.codes("country", ["BE", "XX", None])
        array([ 1.,  2., nan])
        """
        code_of = self._codes[name]
        unknown = float(len(code_of) - 1)  # minus 1, because None is one of the keys
        return np.fromiter((code_of.get(value, unknown) for value in values), dtype=np.float64, count=len(values))

    def matrix(
        self,
        numeric: NDArray[np.float64],
        categorical: NDArray[np.float64],
        amount_minor: NDArray[np.int64],
        event_time_ms: NDArray[np.int64],
    ) -> Matrix:
        """Return the model's input: `raw_features` with missing values filled by `fill_missing`."""
        return self.fill_missing(self.raw_features(numeric, categorical, amount_minor, event_time_ms))

    def raw_features(
        self,
        numeric: NDArray[np.float64],
        categorical: NDArray[np.float64],
        amount_minor: NDArray[np.int64],
        event_time_ms: NDArray[np.int64],
    ) -> Matrix:
        """Return the feature vectors before missing values are filled.

        Args:
            numeric: (n, len(self.numeric)) numbers, NaN for null.
            categorical: (n, len(self.categorical)) codes from `codes`.
            amount_minor: (n,) amounts in minor units.
            event_time_ms: (n,) event times in UTC milliseconds since 1970.

        Returns:
            (n, n_features) feature vectors in manifest order, with NaN for null. A value that does not fit in a float32
            becomes infinite, and `first_infinite` finds such values.
        """
        matrix = np.empty((len(amount_minor), len(self.names)), dtype=np.float32)
        with np.errstate(over="ignore"):  # 1e39 becomes infinite
            matrix[:, self._numeric_columns] = numeric
        matrix[:, self._categorical_columns] = categorical
        fields = {"amount_minor": amount_minor, "event_time_ms": event_time_ms}
        for column, derivation in self._derived:
            matrix[:, column] = derivation.make(fields[derivation.source])
        return matrix

    def fill_missing(self, raw_features: Matrix) -> Matrix:
        """Return the model's input, in which nulls are replaced with medians under the `median` policy.

        Under any other policy, or if nothing is null, the result is the same array.
        """
        if self.missing != "median":
            return raw_features
        null = np.isnan(raw_features)
        return np.where(null, self.medians, raw_features) if null.any() else raw_features

    def first_infinite(self, matrix: Matrix) -> NDArray[np.intp]:
        """Return, for each of n rows, the index of the first infinite feature, or -1 if no feature is infinite."""
        return _first_true(np.isinf(matrix))

    def first_refused_null(self, matrix: Matrix) -> NDArray[np.intp]:
        """Return, for each of n rows, the index of the first null that the policy rejects, or -1 if there is none."""
        if self.missing == "refuse":
            return _first_true(np.isnan(matrix))
        return np.full(len(matrix), -1)


def _columns_of_kind(features: Sequence[Feature], kind: FeatureKind) -> NDArray[np.intp]:
    return np.array([i for i, feature in enumerate(features) if feature.kind == kind], dtype=np.intp)


def _code_of(categories: Sequence[str]) -> dict[str | None, float]:
    return {None: float("nan"), **{category: float(i) for i, category in enumerate(categories)}}


def _sources(features: Sequence[Feature]) -> NDArray[np.intp]:
    """Return, for each feature, the index of the first feature with the same source, as an (n_features,) array.

    >>> kinds = ("amount_minor", "numeric", "log_amount")
    >>> _sources([Feature(kind, 0.0, kind) for kind in kinds]).tolist()
    [0, 1, 0]
    """
    # A feature that is read by name is its own source; the flag distinguishes it from a transaction field of that name.
    keys = [(True, DERIVED[f.kind].source) if f.kind in DERIVED else (False, f.name) for f in features]
    return np.array([keys.index(key) for key in keys], dtype=np.intp)


def _first_true(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return, for each of n rows, the index of the first true column, or -1 if no column is true.

    >>> _first_true(np.array([[False, True], [False, False]]))
    array([ 1, -1])
    """
    if not mask.any():
        return np.full(len(mask), -1)
    return np.where(mask.any(axis=1), mask.argmax(axis=1), -1)

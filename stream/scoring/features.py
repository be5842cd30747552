"""Feature vectors from raw columns. The stream and training call the same code, so there is no skew."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature, FeatureKind, MissingPolicy
from stream.scoring.derived import DERIVED

Matrix = NDArray[np.float32]


class FeaturePlan:
    """How one manifest's feature vectors are made.

    Attributes:
        features: In manifest order.
        missing: What null becomes.
        names: (n_features,) of the features.
        numeric: Names read from `Transaction.features` as numbers, in manifest order without the derived ones.
        categorical: Names read from there as strings, likewise.
        medians: (n_features,) float32.
        sources: (n_features,) place of the first feature that is made of the same thing: the amount, or the event time,
            may be in several features; everything else is the only one of its kind and has its own place.
    """

    def __init__(self, features: Sequence[Feature], missing: MissingPolicy) -> None:
        self.features = tuple(features)
        self.missing = missing
        self.names = tuple(feature.name for feature in features)
        self.numeric = tuple(feature.name for feature in features if feature.kind == "numeric")
        self.categorical = tuple(feature.name for feature in features if feature.kind == "categorical")
        self.medians = np.array([feature.median for feature in features], dtype=np.float32)
        self.sources = _sources(features)
        self._numeric_at = _places(features, "numeric")
        self._categorical_at = _places(features, "categorical")
        self._derived = [(i, DERIVED[f.kind]) for i, f in enumerate(features) if f.kind in DERIVED]
        self._codes = {f.name: _code_of(f.categories) for f in features if f.kind == "categorical"}

    def codes(self, name: str, values: Sequence[str | None]) -> NDArray[np.float64]:
        """Return (n,) the index of each string among the feature's categories.

        A string that is none of them, compared letter for letter, has the index `len(categories)`; null is NaN.

        >>> plan = FeaturePlan([Feature("country", 0, "categorical", ("FR", "BE"))], "nan")
        >>> plan.codes("country", ["BE", "XX", None])
        array([ 1.,  2., nan])
        """
        code_of = self._codes[name]
        unknown = float(len(code_of) - 1)  # one of them is null
        return np.fromiter((code_of.get(value, unknown) for value in values), dtype=np.float64, count=len(values))

    def matrix(
        self,
        numeric: NDArray[np.float64],
        categorical: NDArray[np.float64],
        amount_minor: NDArray[np.int64],
        event_time_ms: NDArray[np.int64],
    ) -> Matrix:
        """Make the model's input: `given`, with what `fill` makes of null."""
        return self.fill(self.given(numeric, categorical, amount_minor, event_time_ms))

    def given(
        self,
        numeric: NDArray[np.float64],
        categorical: NDArray[np.float64],
        amount_minor: NDArray[np.int64],
        event_time_ms: NDArray[np.int64],
    ) -> Matrix:
        """Lay out what transactions say.

        Args:
            numeric: (n, len(self.numeric)), NaN where the transaction said null.
            categorical: (n, len(self.categorical)) of `codes`.
            amount_minor: (n,), in minor units.
            event_time_ms: (n,), UTC milliseconds since 1970.

        Returns:
            (n, n_features) in manifest order. Infinite where a value does not fit a float32, which `first_infinite`
            finds; NaN where null was given.
        """
        matrix = np.empty((len(amount_minor), len(self.names)), dtype=np.float32)
        with np.errstate(over="ignore"):  # 1e39 becomes infinite
            matrix[:, self._numeric_at] = numeric
        matrix[:, self._categorical_at] = categorical
        fields = {"amount_minor": amount_minor, "event_time_ms": event_time_ms}
        for column, derivation in self._derived:
            matrix[:, column] = derivation.make(fields[derivation.source])
        return matrix

    def fill(self, given: Matrix) -> Matrix:
        """Return the model's input; the same array where the policy is not `median`, or nothing is null."""
        if self.missing != "median":
            return given
        null = np.isnan(given)
        return np.where(null, self.medians, given) if null.any() else given

    def first_infinite(self, matrix: Matrix) -> NDArray[np.intp]:
        """Return (n,) the index of each row's first infinite feature, -1 where there is none."""
        return _first_true(np.isinf(matrix))

    def first_refused_null(self, matrix: Matrix) -> NDArray[np.intp]:
        """Return (n,) the index of each row's first null that the policy refuses, -1 where there is none."""
        if self.missing == "refuse":
            return _first_true(np.isnan(matrix))
        return np.full(len(matrix), -1)


def _places(features: Sequence[Feature], kind: FeatureKind) -> NDArray[np.intp]:
    return np.array([i for i, feature in enumerate(features) if feature.kind == kind], dtype=np.intp)


def _code_of(categories: Sequence[str]) -> dict[str | None, float]:
    return {None: float("nan"), **{category: float(i) for i, category in enumerate(categories)}}


def _sources(features: Sequence[Feature]) -> NDArray[np.intp]:
    """Return (n_features,) the place of the first feature with the same source.

    >>> kinds = ("amount_minor", "numeric", "log_amount")
    >>> _sources([Feature(kind, 0.0, kind) for kind in kinds]).tolist()
    [0, 1, 0]
    """
    # A feature that is read has a source of its own, its name; a field of the transaction is no such name.
    keys = [(True, DERIVED[f.kind].source) if f.kind in DERIVED else (False, f.name) for f in features]
    return np.array([keys.index(key) for key in keys], dtype=np.intp)


def _first_true(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return each row's first true column, -1 for rows without one.

    >>> _first_true(np.array([[False, True], [False, False]]))
    array([ 1, -1])
    """
    if not mask.any():
        return np.full(len(mask), -1)
    return np.where(mask.any(axis=1), mask.argmax(axis=1), -1)

"""Feature vectors: manifest order, float32, missing values, strings and derived features."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.manifest import Feature, FeatureKind, MissingPolicy
from stream.scoring.features import FeaturePlan, Matrix
from tests.scoring.fake_model import ALL_KINDS, AMOUNT, COUNTRY, FEATURES

NAN = float("nan")
#: Largest float32. A double at or slightly above it rounds to it; a larger double rounds to infinity.
LARGEST = float(np.finfo(np.float32).max)
HOUR_MS = 3_600_000
STRINGS = st.lists(st.none() | st.sampled_from([*COUNTRY.categories, "LU", ""]) | st.text(), min_size=1)


def vectors(plan: FeaturePlan, rows: list[list[float]], amounts: list[int] | None = None) -> Matrix:
    """Return the model's input for rows of numbers, in which NaN stands for null."""
    numeric: NDArray[np.float64] = np.array(rows, dtype=np.float64).reshape(len(rows), len(plan.numeric))
    no_codes, zeros = np.empty((len(rows), 0)), np.zeros(len(rows), dtype=np.int64)
    return plan.matrix(numeric, no_codes, np.array(amounts or [250] * len(rows), dtype=np.int64), zeros)


def derived(kind: FeatureKind, amount_minor: int = 0, event_time_ms: int = 0) -> float:
    """Return the value of a derived feature of the given kind."""
    plan = FeaturePlan([Feature("x", 0.0, kind)], "refuse")
    empty = np.empty((1, 0))
    return float(plan.matrix(empty, empty, np.array([amount_minor]), np.array([event_time_ms]))[0, 0])


def coded(values: list[str | None], missing: MissingPolicy) -> tuple[FeaturePlan, Matrix]:
    """Return the plan and the matrix of a model whose only feature is the country."""
    plan = FeaturePlan([COUNTRY], missing)
    codes, zeros = plan.codes("country", values), np.zeros(len(values), dtype=np.int64)
    return plan, plan.matrix(np.empty((len(values), 0)), codes[:, np.newaxis], zeros, zeros)


def test_columns_are_in_manifest_order_including_derived_ones() -> None:
    """The transaction's amount is in the column that the manifest assigns to it."""
    plan = FeaturePlan(FEATURES, "refuse")
    assert plan.names == ("V1", "Amount", "V2", "V3")
    assert plan.numeric == ("V1", "V2", "V3")
    assert vectors(plan, [[1, 2, 3], [4, 5, 6]], [100, 200]).tolist() == [[1, 100, 2, 3], [4, 200, 5, 6]]


def test_the_amount_can_be_the_only_feature() -> None:
    """Without numeric features, the matrix contains only the amounts."""
    plan = FeaturePlan([AMOUNT], "refuse")
    assert vectors(plan, [[], []], [1, 2]).tolist() == [[1], [2]]


def test_an_empty_batch_has_the_model_s_width() -> None:
    """The matrix of an empty batch has the shape (0, n_features)."""
    assert vectors(FeaturePlan(FEATURES, "median"), []).shape == (0, 4)


@given(st.lists(st.lists(st.floats(allow_infinity=False), min_size=3, max_size=3), min_size=1))
def test_each_row_is_float32_and_independent_of_the_others(rows: list[list[float]]) -> None:
    """A vector contains the row's values rounded to float32, whatever else is in the batch."""
    plan = FeaturePlan(FEATURES, "nan")
    matrix = vectors(plan, rows)
    assert matrix.dtype == np.float32
    with np.errstate(over="ignore"):
        expected = np.array(rows).astype(np.float32)
    np.testing.assert_array_equal(matrix[:, [0, 2, 3]], expected)
    np.testing.assert_array_equal(matrix, np.concatenate([vectors(plan, [row]) for row in rows]))


@pytest.mark.parametrize(
    ("value", "index"),
    [
        pytest.param(1e39, 2, id="too large"),
        pytest.param(-1e39, 2, id="too large, negative"),
        pytest.param(3.4028236e38, 2, id="rounds to infinity"),
        pytest.param(3.4028235e38, -1, id="rounds to the largest"),
        pytest.param(-LARGEST, -1, id="the smallest"),
        pytest.param(1e-46, -1, id="rounds to zero"),
        pytest.param(NAN, -1, id="null"),
    ],
)
@pytest.mark.parametrize("missing", ["refuse", "median", "nan"])
def test_a_value_that_is_infinite_as_float32_is_found(value: float, index: int, missing: MissingPolicy) -> None:
    """An infinite value is found under every policy, and reported by its index in the whole feature vector."""
    plan = FeaturePlan(FEATURES, missing)
    matrix = vectors(plan, [[0, value, 0], [0, 0, 0]])
    assert plan.first_infinite(matrix).tolist() == [index, -1]


def test_the_first_of_several_is_named() -> None:
    """If a row has several infinite values or nulls, the leftmost is reported."""
    plan = FeaturePlan(FEATURES, "refuse")
    matrix = vectors(plan, [[NAN, 1e39, 1e39], [1e39, NAN, NAN]])
    assert plan.first_infinite(matrix).tolist() == [2, 0]
    assert plan.first_refused_null(matrix).tolist() == [0, 2]


def test_the_largest_amount_is_finite() -> None:
    """No valid amount is rejected as infinite."""
    plan = FeaturePlan(FEATURES, "refuse")
    assert plan.first_infinite(vectors(plan, [[0, 0, 0]], [10**15])).tolist() == [-1]


def test_refuse_reports_nulls() -> None:
    """Under `refuse`, the first null is reported."""
    plan = FeaturePlan(FEATURES, "refuse")
    assert plan.first_refused_null(vectors(plan, [[0, NAN, 0], [0, 0, 0]])).tolist() == [2, -1]


def test_median_replaces_nulls_by_the_reference_median() -> None:
    """Under `median`, nulls become the reference median, other values are unchanged, and no row is rejected."""
    plan = FeaturePlan(FEATURES, "median")
    matrix = vectors(plan, [[NAN, 7, NAN], [NAN, NAN, NAN]])
    assert matrix.tolist() == [[0.25, 250, 7, 0.5], [0.25, 250, -0.5, 0.5]]
    assert plan.first_refused_null(matrix).tolist() == [-1, -1]


def test_nan_passes_null_to_the_model() -> None:
    """Under `nan`, the model gets NaN for a null, and no row is rejected."""
    plan = FeaturePlan(FEATURES, "nan")
    matrix = vectors(plan, [[1, NAN, 3]])
    np.testing.assert_array_equal(matrix, np.array([[1, 250, NAN, 3]], dtype=np.float32))
    assert plan.first_refused_null(matrix).tolist() == [-1]


def test_an_infinite_value_is_not_a_missing_one() -> None:
    """Under `median`, an infinite value is not replaced, because it is not missing."""
    plan = FeaturePlan([Feature("V1", 0.25)], "median")
    assert np.isinf(vectors(plan, [[1e39]])).all()


def test_every_kind_of_feature_is_in_its_column() -> None:
    """Numbers, strings and derived features all end up in manifest order."""
    plan = FeaturePlan(ALL_KINDS, "refuse")
    assert (plan.numeric, plan.categorical) == (("V1",), ("country",))
    codes = plan.codes("country", ["DE", "LU"])[:, np.newaxis]
    times = np.array([6 * HOUR_MS, 12 * HOUR_MS])
    matrix = plan.matrix(np.array([[7.0], [8.0]]), codes, np.array([0, 250]), times)
    expected = np.array([[1, 2, 0, 7, 0, 0], [0, 3, math.log(251), 8, -1, 250]], dtype=np.float32)
    np.testing.assert_allclose(matrix, expected, atol=1e-7)


def test_a_category_is_coded_by_its_index_and_an_unknown_one_comes_last() -> None:
    """Strings are compared exactly: a difference in case or an extra space makes a different string."""
    plan = FeaturePlan([COUNTRY], "nan")
    values = ["FR", "BE", "DE", "LU", "fr", "FR ", "", None]
    np.testing.assert_array_equal(plan.codes("country", values), [0, 1, 2, 3, 3, 3, 3, NAN])


@given(STRINGS)
def test_a_code_identifies_the_string_and_depends_on_it_alone(values: list[str | None]) -> None:
    """Categories can be decoded, all unknown strings share one code, and null is NaN, whatever else is in the batch."""
    _, matrix = coded(values, "nan")
    for value, code in zip(values, matrix[:, 0], strict=True):
        if value is None:
            assert np.isnan(code)
        else:
            assert [*COUNTRY.categories, None][int(code)] == (value if value in COUNTRY.categories else None)
    np.testing.assert_array_equal(matrix, np.concatenate([coded([value], "nan")[1] for value in values]))


@given(STRINGS)
def test_a_null_string_follows_the_policy(values: list[str | None]) -> None:
    """By policy, a null string is rejected or becomes the most frequent category, but never an unknown category."""
    null = np.array([value is None for value in values])
    plan, matrix = coded(values, "refuse")
    np.testing.assert_array_equal(plan.first_refused_null(matrix), np.where(null, 0, -1))
    plan, matrix = coded(values, "median")
    assert (matrix[null] == 0).all()
    assert (plan.first_refused_null(matrix) == -1).all()


def test_thousands_of_categories_stay_distinct() -> None:
    """A float32 represents every index of a large number of categories."""
    categories = tuple(map(str, range(20_000)))
    plan = FeaturePlan([Feature("merchant", 0, "categorical", categories)], "refuse")
    zeros = np.zeros(len(categories), dtype=np.int64)
    codes = plan.codes("merchant", categories)[:, np.newaxis]
    matrix = plan.matrix(np.empty((len(categories), 0)), codes, zeros, zeros)
    assert matrix[:, 0].astype(int).tolist() == list(range(20_000))


@given(st.integers(0, 10**15))
def test_the_logarithm_of_an_amount(amount_minor: int) -> None:
    """The feature is ln(1 + minor units), which is finite for every amount and zero for zero."""
    assert derived("log_amount", amount_minor) == np.float32(math.log1p(amount_minor))


@pytest.mark.parametrize(("hour", "sin", "cos"), [(0, 0, 1), (6, 1, 0), (12, 0, -1), (18, -1, 0), (24, 0, 1)])
def test_the_hour_is_an_angle(hour: int, sin: int, cos: int) -> None:
    """On a 24-hour clock face, midnight UTC is at the top and six in the morning on the right."""
    assert derived("hour_sin", event_time_ms=hour * HOUR_MS) == pytest.approx(sin, abs=1e-7)
    assert derived("hour_cos", event_time_ms=hour * HOUR_MS) == pytest.approx(cos, abs=1e-7)


@given(st.integers(0, 24 * HOUR_MS - 1), st.integers(0, 20_000))
def test_the_hour_does_not_depend_on_the_day(time_ms: int, days: int) -> None:
    """The angle is bit-identical on every day and on the unit circle, and gives back the time to the second."""
    sin, cos = (derived(kind, event_time_ms=time_ms + days * 24 * HOUR_MS) for kind in ("hour_sin", "hour_cos"))
    assert (sin, cos) == (derived("hour_sin", event_time_ms=time_ms), derived("hour_cos", event_time_ms=time_ms))
    assert math.hypot(sin, cos) == pytest.approx(1, abs=1e-6)
    error_ms = (math.atan2(sin, cos) / math.tau * 24 * HOUR_MS - time_ms) % (24 * HOUR_MS)
    assert min(error_ms, 24 * HOUR_MS - error_ms) < 1000


def test_features_derived_from_one_field_share_a_source() -> None:
    """Features derived from one field have the first such feature's index as source; others have their own index."""
    assert FeaturePlan(ALL_KINDS, "refuse").sources.tolist() == [0, 1, 2, 3, 0, 2]
    assert FeaturePlan([Feature("amount_minor", 0.0), AMOUNT], "refuse").sources.tolist() == [0, 1]

"""Feature vectors: manifest order, float32, what becomes of null, of strings, and what is derived."""

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
#: A double above this rounds to infinity as float32; from here down, to the largest float32.
LARGEST = float(np.finfo(np.float32).max)
HOUR_MS = 3_600_000
STRINGS = st.lists(st.none() | st.sampled_from([*COUNTRY.categories, "LU", ""]) | st.text(), min_size=1)


def vectors(plan: FeaturePlan, rows: list[list[float]], amounts: list[int] | None = None) -> Matrix:
    """Make the model's input of numeric rows, NaN for null."""
    numeric: NDArray[np.float64] = np.array(rows, dtype=np.float64).reshape(len(rows), len(plan.numeric))
    none, zeros = np.empty((len(rows), 0)), np.zeros(len(rows), dtype=np.int64)
    return plan.matrix(numeric, none, np.array(amounts or [250] * len(rows), dtype=np.int64), zeros)


def derived(kind: FeatureKind, amount_minor: int = 0, event_time_ms: int = 0) -> float:
    """Return the only feature of a model that takes this one alone."""
    plan = FeaturePlan([Feature("x", 0.0, kind)], "refuse")
    none = np.empty((1, 0))
    return float(plan.matrix(none, none, np.array([amount_minor]), np.array([event_time_ms]))[0, 0])


def coded(values: list[str | None], missing: MissingPolicy) -> tuple[FeaturePlan, Matrix]:
    """Return the plan and the matrix of a model that takes the country alone."""
    plan = FeaturePlan([COUNTRY], missing)
    codes, zeros = plan.codes("country", values), np.zeros(len(values), dtype=np.int64)
    return plan, plan.matrix(np.empty((len(values), 0)), codes[:, np.newaxis], zeros, zeros)


def test_columns_stand_in_manifest_order_with_the_derived_one_in_its_place() -> None:
    """The transaction's own amount fills the column that the manifest gives it."""
    plan = FeaturePlan(FEATURES, "refuse")
    assert plan.names == ("V1", "Amount", "V2", "V3")
    assert plan.numeric == ("V1", "V2", "V3")
    assert vectors(plan, [[1, 2, 3], [4, 5, 6]], [100, 200]).tolist() == [[1, 100, 2, 3], [4, 200, 5, 6]]


def test_a_model_may_take_the_amount_alone() -> None:
    """Without numeric features the matrix is the amounts."""
    plan = FeaturePlan([AMOUNT], "refuse")
    assert vectors(plan, [[], []], [1, 2]).tolist() == [[1], [2]]


def test_a_batch_of_none_has_the_model_s_width() -> None:
    """No rows are still rows of n_features."""
    assert vectors(FeaturePlan(FEATURES, "median"), []).shape == (0, 4)


@given(st.lists(st.lists(st.floats(allow_infinity=False), min_size=3, max_size=3), min_size=1))
def test_each_row_is_float32_and_depends_on_itself_alone(rows: list[list[float]]) -> None:
    """A vector is the values rounded to float32, whatever else is in the batch."""
    plan = FeaturePlan(FEATURES, "nan")
    matrix = vectors(plan, rows)
    assert matrix.dtype == np.float32
    with np.errstate(over="ignore"):
        expected = np.array(rows).astype(np.float32)
    np.testing.assert_array_equal(matrix[:, [0, 2, 3]], expected)
    np.testing.assert_array_equal(matrix, np.concatenate([vectors(plan, [row]) for row in rows]))


@pytest.mark.parametrize(
    ("value", "found"),
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
def test_a_value_that_is_infinite_as_float32_is_found(value: float, found: int, missing: MissingPolicy) -> None:
    """Under every policy; the index is that of the feature vector, so the amount counts."""
    plan = FeaturePlan(FEATURES, missing)
    matrix = vectors(plan, [[0, value, 0], [0, 0, 0]])
    assert plan.first_infinite(matrix).tolist() == [found, -1]


def test_the_first_of_several_is_named() -> None:
    """Infinite ones and nulls are each looked for from the left."""
    plan = FeaturePlan(FEATURES, "refuse")
    matrix = vectors(plan, [[NAN, 1e39, 1e39], [1e39, NAN, NAN]])
    assert plan.first_infinite(matrix).tolist() == [2, 0]
    assert plan.first_refused_null(matrix).tolist() == [0, 2]


def test_the_largest_amount_is_finite() -> None:
    """No amount that a transaction may carry is refused by a model."""
    plan = FeaturePlan(FEATURES, "refuse")
    assert plan.first_infinite(vectors(plan, [[0, 0, 0]], [10**15])).tolist() == [-1]


def test_refuse_leaves_nulls_to_be_found() -> None:
    """Under `refuse` a null is named."""
    plan = FeaturePlan(FEATURES, "refuse")
    assert plan.first_refused_null(vectors(plan, [[0, NAN, 0], [0, 0, 0]])).tolist() == [2, -1]


def test_median_puts_the_reference_median_in_place() -> None:
    """Under `median` nothing is refused, and values that are there stay."""
    plan = FeaturePlan(FEATURES, "median")
    matrix = vectors(plan, [[NAN, 7, NAN], [NAN, NAN, NAN]])
    assert matrix.tolist() == [[0.25, 250, 7, 0.5], [0.25, 250, -0.5, 0.5]]
    assert plan.first_refused_null(matrix).tolist() == [-1, -1]


def test_nan_hands_null_to_the_model() -> None:
    """Under `nan` the model sees NaN, and nothing is refused."""
    plan = FeaturePlan(FEATURES, "nan")
    matrix = vectors(plan, [[1, NAN, 3]])
    np.testing.assert_array_equal(matrix, np.array([[1, 250, NAN, 3]], dtype=np.float32))
    assert plan.first_refused_null(matrix).tolist() == [-1]


def test_an_infinite_value_is_no_missing_one() -> None:
    """The median stands for null only."""
    plan = FeaturePlan([Feature("V1", 0.25)], "median")
    assert np.isinf(vectors(plan, [[1e39]])).all()


def test_every_kind_stands_in_its_place() -> None:
    """Numbers and strings are read by their own order, the rest is made, and all stand in manifest order."""
    plan = FeaturePlan(ALL_KINDS, "refuse")
    assert (plan.numeric, plan.categorical) == (("V1",), ("country",))
    codes = plan.codes("country", ["DE", "LU"])[:, np.newaxis]
    times = np.array([6 * HOUR_MS, 12 * HOUR_MS])
    matrix = plan.matrix(np.array([[7.0], [8.0]]), codes, np.array([0, 250]), times)
    expected = np.array([[1, 2, 0, 7, 0, 0], [0, 3, math.log(251), 8, -1, 250]], dtype=np.float32)
    np.testing.assert_allclose(matrix, expected, atol=1e-7)


def test_a_category_is_its_index_and_an_unknown_one_comes_after_the_last() -> None:
    """Compared letter for letter: another case or a space is another string."""
    plan = FeaturePlan([COUNTRY], "nan")
    values = ["FR", "BE", "DE", "LU", "fr", "FR ", "", None]
    np.testing.assert_array_equal(plan.codes("country", values), [0, 1, 2, 3, 3, 3, 3, NAN])


@given(STRINGS)
def test_a_code_tells_the_string_and_depends_on_it_alone(values: list[str | None]) -> None:
    """Known ones come back, all unknown ones are one, null is neither; whatever else is in the batch."""
    _, matrix = coded(values, "nan")
    for value, code in zip(values, matrix[:, 0], strict=True):
        if value is None:
            assert np.isnan(code)
        else:
            assert [*COUNTRY.categories, None][int(code)] == (value if value in COUNTRY.categories else None)
    np.testing.assert_array_equal(matrix, np.concatenate([coded([value], "nan")[1] for value in values]))


@given(STRINGS)
def test_a_null_string_follows_the_policy(values: list[str | None]) -> None:
    """Refused by name; or the most frequent category; never an unknown one."""
    null = np.array([value is None for value in values])
    plan, matrix = coded(values, "refuse")
    np.testing.assert_array_equal(plan.first_refused_null(matrix), np.where(null, 0, -1))
    plan, matrix = coded(values, "median")
    assert (matrix[null] == 0).all()
    assert (plan.first_refused_null(matrix) == -1).all()


def test_thousands_of_categories_stay_apart() -> None:
    """A float32 holds every whole number that a manifest could have categories."""
    categories = tuple(map(str, range(20_000)))
    plan = FeaturePlan([Feature("merchant", 0, "categorical", categories)], "refuse")
    zeros = np.zeros(len(categories), dtype=np.int64)
    codes = plan.codes("merchant", categories)[:, np.newaxis]
    matrix = plan.matrix(np.empty((len(categories), 0)), codes, zeros, zeros)
    assert matrix[:, 0].astype(int).tolist() == list(range(20_000))


@given(st.integers(0, 10**15))
def test_the_logarithm_of_an_amount(amount_minor: int) -> None:
    """ln(1 + minor units), finite for every amount, zero for none."""
    assert derived("log_amount", amount_minor) == np.float32(math.log1p(amount_minor))


@pytest.mark.parametrize(("hour", "sin", "cos"), [(0, 0, 1), (6, 1, 0), (12, 0, -1), (18, -1, 0), (24, 0, 1)])
def test_the_hour_is_a_place_on_a_dial(hour: int, sin: int, cos: int) -> None:
    """UTC; midnight is up, six in the morning right."""
    assert derived("hour_sin", event_time_ms=hour * HOUR_MS) == pytest.approx(sin, abs=1e-7)
    assert derived("hour_cos", event_time_ms=hour * HOUR_MS) == pytest.approx(cos, abs=1e-7)


@given(st.integers(0, 24 * HOUR_MS - 1), st.integers(0, 20_000))
def test_the_same_time_of_another_day_is_the_same_hour(time_ms: int, days: int) -> None:
    """Bit for bit, on the circle, and the angle can be read back to the second."""
    sin, cos = (derived(kind, event_time_ms=time_ms + days * 24 * HOUR_MS) for kind in ("hour_sin", "hour_cos"))
    assert (sin, cos) == (derived("hour_sin", event_time_ms=time_ms), derived("hour_cos", event_time_ms=time_ms))
    assert math.hypot(sin, cos) == pytest.approx(1, abs=1e-6)
    off = (math.atan2(sin, cos) / math.tau * 24 * HOUR_MS - time_ms) % (24 * HOUR_MS)
    assert min(off, 24 * HOUR_MS - off) < 1000


def test_features_of_one_field_have_one_source() -> None:
    """Named by its first place; a feature that is read is its own, even if it is called like a field."""
    assert FeaturePlan(ALL_KINDS, "refuse").sources.tolist() == [0, 1, 2, 3, 0, 2]
    assert FeaturePlan([Feature("amount_minor", 0.0), AMOUNT], "refuse").sources.tolist() == [0, 1]

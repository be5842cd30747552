"""Feature vectors: manifest order, float32, and what becomes of null."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.manifest import Feature, MissingPolicy
from stream.scoring.features import FeaturePlan, Matrix
from tests.scoring.stand_in import AMOUNT, FEATURES

NAN = float("nan")
#: A double above this rounds to infinity as float32; from here down, to the largest float32.
LARGEST = float(np.finfo(np.float32).max)


def vectors(plan: FeaturePlan, rows: list[list[float]], amounts: list[int] | None = None) -> Matrix:
    """Make the model's input of numeric rows, NaN for null."""
    numeric: NDArray[np.float64] = np.array(rows, dtype=np.float64).reshape(len(rows), len(plan.numeric))
    minor = np.array(amounts or [250] * len(rows), dtype=np.int64)
    return plan.matrix(numeric, np.empty((len(rows), 0)), minor, np.zeros(len(rows), dtype=np.int64))


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

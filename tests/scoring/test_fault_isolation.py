"""A model that fails: it is at fault itself, or exactly the rows are found that it cannot score."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.errors import ModelFaultError
from stream.scoring.fault_isolation import score_or_isolate
from stream.scoring.features import Matrix
from tests.scoring.fake_model import FakeModel, digits, failing_where, fake_model

BAD = 666.0
#: None: raises.
FAILURES = [None, float("nan"), float("inf"), -0.25, 1.5]


def is_bad(matrix: Matrix) -> NDArray[np.bool_]:
    """Say which rows a test's model does not take."""
    return np.asarray(matrix[:, 0] == BAD)


def matrix_of(bad: list[bool]) -> Matrix:
    """Return as many different rows, the bad ones marked."""
    matrix = np.random.default_rng(len(bad)).normal(size=(len(bad), 4)).astype(np.float32)
    matrix[bad, 0] = BAD
    return matrix


def model(failure: float | None, *, parity_holds: bool = True) -> FakeModel:
    """Return a model that fails on bad rows in the given way."""
    return fake_model(rule=failing_where(is_bad, failure), parity_holds=parity_holds)


def test_a_model_that_works_runs_once() -> None:
    """The ordinary batch costs one run."""
    works = model(None)
    matrix = matrix_of([False] * 100)
    scores, scored = score_or_isolate(works, matrix)
    assert scored.all()
    np.testing.assert_array_equal(scores, digits(matrix))
    assert works.runs == 1


@given(st.lists(st.booleans(), max_size=40), st.sampled_from(FAILURES))
def test_exactly_the_bad_rows_have_no_score(bad: list[bool], failure: float | None) -> None:
    """Raising, NaN, infinite, below 0, above 1: the row has NaN, every other its own score."""
    matrix = matrix_of(bad)
    scores, scored = score_or_isolate(model(failure), matrix)
    assert scored.tolist() == [not each for each in bad]
    assert np.isnan(scores[bad]).all()
    np.testing.assert_array_equal(scores[scored], digits(matrix[scored]))


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_both_ends_of_the_range_are_scores(score: float) -> None:
    """Zero and one are probabilities."""
    assert score_or_isolate(model(score), matrix_of([True]))[1].all()


def test_one_bad_row_of_many_is_found_with_few_runs() -> None:
    """Bisection: about 2·log2(n) runs, not n."""
    n = 1024
    bad = [False] * n
    bad[n // 3] = True
    bisected = model(None)
    score_or_isolate(bisected, matrix_of(bad))
    assert bisected.runs <= 2 * math.log2(n) + 2


@pytest.mark.parametrize("failure", FAILURES)
def test_a_model_that_fails_its_parity_rows_blames_no_row(failure: float | None) -> None:
    """The fault is the model's, and it is not asked again."""
    broken = model(failure, parity_holds=False)
    with pytest.raises(ModelFaultError):
        score_or_isolate(broken, matrix_of([False, True]))
    assert broken.runs == 1


def test_parity_is_not_looked_at_while_all_is_well() -> None:
    """Checking costs a run, so only a failure pays for it."""
    assert score_or_isolate(model(None, parity_holds=False), matrix_of([False]))[1].all()

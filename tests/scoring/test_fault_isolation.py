"""Fault isolation: either the model itself is at fault, or exactly the rows that it cannot score are isolated."""

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
#: Scores of a bad row; None to raise instead.
FAILURES = [None, float("nan"), float("inf"), -0.25, 1.5]


def is_bad(matrix: Matrix) -> NDArray[np.bool_]:
    """Return the (n,) mask of the rows that the model fails on."""
    return np.asarray(matrix[:, 0] == BAD)


def matrix_of(bad: list[bool]) -> Matrix:
    """Return a matrix with one row for each element of `bad`."""
    matrix = np.random.default_rng(len(bad)).normal(size=(len(bad), 4)).astype(np.float32)
    matrix[bad, 0] = BAD
    return matrix


def model(failure: float | None, *, parity_holds: bool = True) -> FakeModel:
    """Return a model that gives bad rows the given score, or raises on them if the score is None."""
    return fake_model(rule=failing_where(is_bad, failure), parity_holds=parity_holds)


def test_a_working_model_runs_once() -> None:
    """A batch without failures takes one run of the model."""
    working = model(None)
    matrix = matrix_of([False] * 100)
    scores, scored = score_or_isolate(working, matrix)
    assert scored.all()
    np.testing.assert_array_equal(scores, digits(matrix))
    assert working.runs == 1


@given(st.lists(st.booleans(), max_size=40), st.sampled_from(FAILURES))
def test_exactly_the_bad_rows_have_no_score(bad: list[bool], failure: float | None) -> None:
    """A bad row, which raises or gives no score in [0, 1], gets NaN; every other row gets its score."""
    matrix = matrix_of(bad)
    scores, scored = score_or_isolate(model(failure), matrix)
    assert scored.tolist() == [not each for each in bad]
    assert np.isnan(scores[bad]).all()
    np.testing.assert_array_equal(scores[scored], digits(matrix[scored]))


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_both_ends_of_the_range_are_scores(score: float) -> None:
    """Scores of exactly 0 and 1 are valid."""
    assert score_or_isolate(model(score), matrix_of([True]))[1].all()


def test_one_bad_row_of_many_is_isolated_with_few_runs() -> None:
    """Isolating one bad row among n takes about 2·log2(n) runs instead of n."""
    n = 1024
    bad = [False] * n
    bad[n // 3] = True
    bisected = model(None)
    score_or_isolate(bisected, matrix_of(bad))
    assert bisected.runs <= 2 * math.log2(n) + 2


@pytest.mark.parametrize("failure", FAILURES)
def test_a_model_that_fails_its_parity_rows_blames_no_row(failure: float | None) -> None:
    """A model that fails its parity rows is at fault and is not run again, and no row is blamed."""
    broken = model(failure, parity_holds=False)
    with pytest.raises(ModelFaultError):
        score_or_isolate(broken, matrix_of([False, True]))
    assert broken.runs == 1


def test_parity_is_not_checked_without_a_failure() -> None:
    """Parity is checked only after a failure, because the check takes a run of the model."""
    assert score_or_isolate(model(None, parity_holds=False), matrix_of([False]))[1].all()

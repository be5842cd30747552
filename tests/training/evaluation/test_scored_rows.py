"""Rows that cannot be evaluated are rejected with a one-line error that says what to do."""

import numpy as np
import pytest

from schemas.errors import DataError
from tests.training.evaluation.simulated_rows import scored
from training.evaluation.scored_rows import ScoredRows


@pytest.mark.parametrize(
    ("scores", "labels", "amounts", "message"),
    [
        ([0.1, 0.2], [0, 1, 1], [1, 1, 1], r"equal lengths, not scores \(2,\), labels \(3,\)"),
        ([[0.1], [0.2]], [[0], [1]], [[1], [1]], r"equal lengths, not scores \(2, 1\)"),
        ([], [], [], "no transactions"),
        ([0.1, np.nan], [0, 1], [1, 1], "1 of 2 scores are not between 0 and 1"),
        ([0.1, 1.5], [0, 1], [1, 1], "1 of 2 scores are not between 0 and 1"),
        ([-0.1, 0.5], [0, 1], [1, 1], "1 of 2 scores are not between 0 and 1"),
        ([0.1, 0.5], [0, 2], [1, 1], "labels must be 0 .* or 1"),
        ([0.1, 0.5], [0, 1], [1, -1], "amounts must not be negative"),
    ],
)
def test_bad_arrays_are_refused(scores: object, labels: object, amounts: object, message: str) -> None:
    """Invalid arrays cause an error that names the first problem without showing values from the data."""
    types = zip((scores, labels, amounts, labels), (np.float32, np.int8, np.int64, np.int64), strict=True)
    with pytest.raises(DataError, match=message) as raised:
        ScoredRows(*(np.array(array, dtype=dtype) for array, dtype in types))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("label", "kind"), [(0, "legitimate"), (1, "fraud")])
def test_rows_of_one_class_have_no_ranking(label: int, kind: str) -> None:
    """Rows of one class may form a slice but cannot be ranked, so evaluating them alone is an error."""
    only = scored([0.1, 0.2], [label, label])
    with pytest.raises(DataError, match=f"all 2 transactions are {kind}"):
        only.require_both_classes()


def test_a_part_keeps_rows_together() -> None:
    """Selecting rows by mask or by slice keeps the values of each row together."""
    rows = scored([0.1, 0.2, 0.3], [0, 1, 0], [7, 8, 9], [1, 2, 3])
    for part in (rows.part(np.array([False, True, True])), rows.part(slice(1, 3))):
        assert [array.tolist() for array in (part.labels, part.amount_minor, part.event_time_ms)] == [
            [1, 0],
            [8, 9],
            [2, 3],
        ]

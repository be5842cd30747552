"""Rates derived from confusion counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.evaluation.confusion import Confusion

COUNTS = st.builds(Confusion, *[st.integers(0, 50)] * 4)
SHARES = ("accuracy", "precision", "recall", "f1", "false_positive_rate", "false_negative_rate")


@given(COUNTS)
def test_every_rate_is_in_its_range(counted: Confusion) -> None:
    """Recall and false negative rate add up to 1, and F1 is the harmonic mean of precision and recall."""
    shares = {name: getattr(counted, name) for name in SHARES}
    assert all(share is None or 0 <= share <= 1 for share in shares.values())
    if counted.recall is not None:
        assert counted.recall + shares["false_negative_rate"] == pytest.approx(1)
    if counted.precision and counted.recall:
        assert counted.f1 == pytest.approx(2 / (1 / counted.precision + 1 / counted.recall))


def test_a_rate_without_a_denominator_is_none() -> None:
    """A rate whose denominator is 0 is unknown, not 0 or 1."""
    assert [getattr(Confusion(0, 0, 0, 0), name) for name in SHARES] == [None] * 6
    only_legitimate = Confusion(true_positive=0, false_positive=0, true_negative=3, false_negative=0)
    assert [getattr(only_legitimate, name) for name in SHARES] == [1, None, None, None, 0, None]

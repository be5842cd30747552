"""How two tracks share the partitions. tests/deploy/release/test_kubernetes.py has the numbers applied."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.release.scaling import share


@pytest.mark.parametrize(
    ("wanted", "other", "own"),
    [(3, 3, 3), (6, 6, 6), (8, 5, 7), (8, 8, 6), (12, 12, 6), (3, 12, 3), (12, 0, 12)],
    ids=["room for both", "just enough", "what is left", "half", "all are taken", "few", "alone"],
)
def test_a_track_gets_what_is_left_or_half(wanted: int, other: int, own: int) -> None:
    """There are 12 partitions. With more than half of them wanted, the other track must leave some."""
    assert share(wanted, other, 12) == own


@given(partitions=st.integers(2, 100), data=st.data())
def test_no_worker_is_without_a_partition(partitions: int, data: st.DataObject) -> None:
    """A track has workers, at most as many as it wants; the other one keeps some of those that it had."""
    wanted, other = (data.draw(st.integers(1, partitions)) for _ in range(2))
    own = share(wanted, other, partitions)
    left = min(other, partitions - own)
    assert 1 <= own <= wanted
    assert 1 <= left <= other
    assert own + left <= partitions

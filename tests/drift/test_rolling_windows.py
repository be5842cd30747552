"""Rolling windows hold what recomputing from scratch gives, after every step."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.drift.rolling_windows import PANES, RollingByRows, RollingByTime

WIDTH = 3
PANE, LENGTH = 10, 40
batches = st.lists(st.lists(st.integers(0, 30), min_size=WIDTH, max_size=WIDTH), max_size=60)
steps = st.lists(
    st.tuples(st.booleans(), st.integers(0, 200), st.lists(st.integers(0, 9), min_size=WIDTH, max_size=WIDTH)),
    max_size=60,
)


@given(batches, st.integers(PANES, 400))
def test_the_window_by_rows_is_the_sum_of_its_last_batches(taken: list[list[int]], wanted: int) -> None:
    """It holds a whole number of the newest: those that were wanted, and a pane and a batch more at most."""
    rolling = RollingByRows(WIDTH, wanted)
    for end in range(len(taken)):
        rolling.update(np.array(taken[end]), sum(taken[end]))
        suffixes = (np.array(taken[begin : end + 1]).sum(axis=0) for begin in range(end + 1))
        assert any(np.array_equal(rolling.counts, each) for each in suffixes)
        assert rolling.rows == rolling.counts.sum()
        largest = max(map(sum, taken[: end + 1]))
        assert rolling.rows >= min(wanted, sum(map(sum, taken[: end + 1])))
        assert rolling.rows < wanted + wanted / PANES + largest + 1
        assert len(rolling._panes) <= PANES + 2


@given(steps)
def test_the_window_by_time_is_the_sum_of_the_panes_it_covers(taken: list[tuple[bool, int, list[int]]]) -> None:
    """Whatever order rows and watermarks come in, and wherever they lie: half-open, recomputed at each step."""
    rolling = RollingByTime(WIDTH, PANE, LENGTH)
    kept: list[tuple[int, list[int]]] = []
    end: int | None = None
    for moves, moment, counts in taken:
        if moves:
            rolling.advance(moment)
            reached = (moment // PANE + 1) * PANE
            if end is None or reached > end:
                end = reached
                # What lay beyond the next window was not waited for, nor is what has passed remembered.
                kept = [each for each in kept if end - LENGTH <= each[0] < end + LENGTH]
        elif rolling.update(moment, np.array(counts)):
            kept.append((moment // PANE * PANE, counts))
        else:
            assert end is not None
            assert not end - LENGTH <= moment // PANE * PANE < end + LENGTH
        inside = [] if end is None else [row for begin, row in kept if end - LENGTH <= begin < end]
        assert np.array_equal(rolling.counts, np.array(inside, dtype=np.int64).reshape(-1, WIDTH).sum(axis=0))
        assert end is None or len(rolling._panes) <= 2 * LENGTH // PANE


def test_a_watermark_that_runs_backwards_moves_nothing() -> None:
    """A clock that was set back."""
    rolling = RollingByTime(1, PANE, LENGTH)
    rolling.update(100, np.array([5]))
    rolling.advance(105)
    rolling.advance(3)
    assert rolling.counts.tolist() == [5]
    assert not rolling.update(3, np.array([1]))

"""After every step, a rolling window equals the sum computed from scratch."""

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
def test_the_window_by_rows_is_the_sum_of_the_newest_batches(added: list[list[int]], window_rows: int) -> None:
    """The window contains the required number of rows, and at most a pane and a batch more."""
    rolling = RollingByRows(WIDTH, window_rows)
    for end in range(len(added)):
        rolling.update(np.array(added[end]), sum(added[end]))
        suffixes = (np.array(added[begin : end + 1]).sum(axis=0) for begin in range(end + 1))
        assert any(np.array_equal(rolling.counts, each) for each in suffixes)
        assert rolling.rows == rolling.counts.sum()
        largest = max(map(sum, added[: end + 1]))
        assert rolling.rows >= min(window_rows, sum(map(sum, added[: end + 1])))
        assert rolling.rows < window_rows + window_rows / PANES + largest + 1
        assert len(rolling._panes) <= PANES + 2


@given(steps)
def test_the_window_by_time_is_the_sum_of_its_panes(applied: list[tuple[bool, int, list[int]]]) -> None:
    """The half-open window equals the sum of its panes at every step, for any order of rows and watermarks."""
    rolling = RollingByTime(WIDTH, PANE, LENGTH)
    kept: list[tuple[int, list[int]]] = []
    end: int | None = None
    for advances, time_ms, counts in applied:
        if advances:
            rolling.advance(time_ms)
            reached = (time_ms // PANE + 1) * PANE
            if end is None or reached > end:
                end = reached
                # Rows beyond the next window and rows that have left the window are not kept.
                kept = [each for each in kept if end - LENGTH <= each[0] < end + LENGTH]
        elif rolling.update(time_ms, np.array(counts)):
            kept.append((time_ms // PANE * PANE, counts))
        else:
            assert end is not None
            assert not end - LENGTH <= time_ms // PANE * PANE < end + LENGTH
        inside = [] if end is None else [row for begin, row in kept if end - LENGTH <= begin < end]
        assert np.array_equal(rolling.counts, np.array(inside, dtype=np.int64).reshape(-1, WIDTH).sum(axis=0))
        assert end is None or len(rolling._panes) <= 2 * LENGTH // PANE


def test_a_watermark_that_goes_back_has_no_effect() -> None:
    """If the watermark goes back, the window's end stays, and older rows are still rejected."""
    rolling = RollingByTime(1, PANE, LENGTH)
    rolling.update(100, np.array([5]))
    rolling.advance(105)
    rolling.advance(3)
    assert rolling.counts.tolist() == [5]
    assert not rolling.update(3, np.array([1]))

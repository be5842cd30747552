"""Counts are merged and cut into blocks, and blocks are summed in windows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.messages import ModelCounts, RoleCounts
from stream.evaluation.blocks import (
    ALERTS,
    PARTS,
    PROBLEMS,
    SLOW,
    TRANSACTIONS,
    WIDTH,
    CountBlocks,
    block_row,
    sliding_sums,
    tumbling_sums,
)
from tests.evaluation.role_messages import model_counts, role_counts


def test_a_row_has_the_counts_of_the_message() -> None:
    """Reviews and declines count as alerts, and scored parts count as slow only if they are above the limit."""
    latencies = (1, 1, 1, 1, 1, 1, 1, 2, 3, 0, 0, 4)  # up to 1, 2, 4, …, 64, 128, 256, …, and above 1,024 ms
    message: RoleCounts = role_counts(latencies=latencies)
    model: ModelCounts = model_counts(transactions=100, reviews=3, declines=4, problems=5)
    row = block_row(message, model, 64)
    assert [row[column] for column in (TRANSACTIONS, ALERTS, PROBLEMS, PARTS, SLOW)] == [100, 7, 5, 16, 9]
    assert block_row(message, model, 33)[SLOW] == 9
    assert block_row(message, model, 1)[SLOW] == 15
    assert block_row(message, model, 1024)[SLOW] == 4
    assert row[5:].tolist() == list(model.scores)


@given(st.lists(st.integers(0, 3000), max_size=60), st.integers(1, 5))
def test_no_transaction_is_lost_between_blocks(sizes: list[int], keep_first: int) -> None:
    """A block is complete once it reaches its size, no transaction is lost between blocks, and the first are kept."""
    blocks = CountBlocks(1000, keep_first)
    for size in sizes:
        row = np.zeros(WIDTH, dtype=np.int64)
        row[[TRANSACTIONS, ALERTS]] = size, 1
        blocks.add(row)
    rows = blocks.rows()
    assert (rows[:, TRANSACTIONS] >= 1000).all()
    assert len(rows) == 0 or rows[:, ALERTS].sum() <= len(sizes)
    assert 0 <= sum(sizes) - rows[:, TRANSACTIONS].sum() < 1000
    assert np.array_equal(np.array(blocks.first).reshape(-1, WIDTH), rows[:keep_first])


@given(st.integers(1, 40), st.integers(1, 10))
def test_windows_are_sums_of_neighbours(count: int, size: int) -> None:
    """Tumbling windows are consecutive; sliding windows start at each block and wrap around the end."""
    size = min(size, count)
    rows = np.arange(count, dtype=np.int64)[:, None] ** 2
    expected = [sum(rows[(start + i) % count, 0] for i in range(size)) for start in range(count)]
    assert sliding_sums(rows, size)[:, 0].tolist() == expected
    assert tumbling_sums(rows, size)[:, 0].tolist() == expected[: count - size + 1 : size]

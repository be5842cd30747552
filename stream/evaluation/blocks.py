"""Merged counts, cut into blocks by number of transactions, so that comparisons do not depend on clocks."""

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from schemas.messages import ModelCounts, RoleCounts
from stream.scoring.score_counts import SCORE_BINS

#: Columns of a block: transactions, alerts, problems, scored parts of batches, slow parts, and then the score bins.
TRANSACTIONS, ALERTS, PROBLEMS, PARTS, SLOW = range(5)
FIRST_BIN = 5
WIDTH = FIRST_BIN + SCORE_BINS
#: Number of newest blocks kept for one model in one term, about 6 MB.
MAX_BLOCKS = 20_000

#: (blocks, WIDTH) counts, one row for each block.
BlockRows = NDArray[np.int64]


def block_row(counts: RoleCounts, model: ModelCounts, slow_ms: int) -> NDArray[np.int64]:
    """Return the (WIDTH,) counts of one model in a message.

    Args:
        counts: Counts message; its scoring times apply to all models in the message.
        model: Counts of one model in the message.
        slow_ms: Scoring time in milliseconds above which a part of a batch is slow; rounded up to a power of two.
    """
    first_slow = (slow_ms - 1).bit_length() + 1  # bins: up to 1 ms, up to 2, …
    alerts = model.reviews + model.declines
    slow = sum(counts.latencies[first_slow:])
    return np.array([model.transactions, alerts, model.problems, sum(counts.latencies), slow, *model.scores])


class CountBlocks:
    """Cuts counts, in order of arrival, into blocks of at least `size` transactions; the last block stays open.

    Args:
        size: Smallest number of transactions in a block.
        keep_first: Number of initial blocks to keep permanently.

    Attributes:
        first: The initial blocks, at most `keep_first`.
    """

    def __init__(self, size: int, keep_first: int) -> None:
        self._size = size
        self._keep_first = keep_first
        self._open = np.zeros(WIDTH, dtype=np.int64)
        self._newest: deque[NDArray[np.int64]] = deque(maxlen=MAX_BLOCKS)
        self.first: list[NDArray[np.int64]] = []

    def add(self, row: NDArray[np.int64]) -> None:
        """Add the (WIDTH,) counts of one message."""
        self._open += row
        if self._open[TRANSACTIONS] < self._size:
            return
        self._newest.append(self._open)
        if len(self.first) < self._keep_first:
            self.first.append(self._open)
        self._open = np.zeros(WIDTH, dtype=np.int64)

    def rows(self) -> BlockRows:
        """Return the (n, WIDTH) newest complete blocks, oldest first."""
        return stack_rows(self._newest)


def stack_rows(rows: Iterable[NDArray[np.int64]]) -> BlockRows:
    """Stack rows of shape (WIDTH,) or (n, WIDTH) into one array."""
    return np.vstack([np.empty((0, WIDTH), dtype=np.int64), *rows])


def counted_blocks(count: int, adjective: str = "") -> str:
    """Return a number of blocks as text.

    >>> counted_blocks(1), counted_blocks(12, "earlier ")
    ('1 block', '12 earlier blocks')
    """
    return f"{count} {adjective}block{'' if count == 1 else 's'}"


def tumbling_sums(blocks: BlockRows, size: int) -> BlockRows:
    """Return the sums of consecutive groups of `size` blocks; an incomplete group at the end is dropped.

    >>> tumbling_sums(np.arange(5)[:, None], 2).tolist()
    [[1], [5]]
    """
    complete = len(blocks) // size
    sums: BlockRows = blocks[: complete * size].reshape(complete, size, blocks.shape[1]).sum(axis=1)
    return sums


def sliding_sums(blocks: BlockRows, size: int) -> BlockRows:
    """Return, for each block, the sum of `size` consecutive blocks that starts there, wrapping around at the end.

    Because of the wrap, a shadow period of one whole cycle has a window for each phase of the cycle.

    >>> sliding_sums(np.arange(4)[:, None], 2).tolist()
    [[1], [3], [5], [3]]
    """
    ring = np.vstack([np.zeros_like(blocks[:1]), blocks, blocks[: size - 1]]).cumsum(axis=0)
    sums: BlockRows = ring[size:] - ring[:-size]
    return sums

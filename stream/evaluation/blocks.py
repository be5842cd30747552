"""Merged counts, cut into blocks of a number of transactions: comparisons depend on events, not on clocks."""

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from schemas.messages import ModelCounts, RoleCounts
from stream.scoring.score_counts import SCORE_BINS

#: Columns of a block: transactions, alerts, problems, parts scored, slow parts; the score bins follow.
TRANSACTIONS, ALERTS, PROBLEMS, PARTS, SLOW = range(5)
FIRST_BIN = 5
WIDTH = FIRST_BIN + SCORE_BINS
#: Newest blocks kept of one model in one term: 6 MB.
MAX_BLOCKS = 20_000

#: (blocks, WIDTH), one row for each block.
BlockRows = NDArray[np.int64]


def block_row(counts: RoleCounts, model: ModelCounts, slow_ms: int) -> NDArray[np.int64]:
    """Return (WIDTH,) the counts of one model in a message.

    Args:
        counts: Message; its scoring times apply to all of its models.
        model: One model in the message.
        slow_ms: Milliseconds above which a part is slow; rounded up to a power of two.
    """
    first_slow = (slow_ms - 1).bit_length() + 1  # bins: up to 1 ms, up to 2, …
    alerts = model.reviews + model.declines
    slow = sum(counts.latencies[first_slow:])
    return np.array([model.transactions, alerts, model.problems, sum(counts.latencies), slow, *model.scores])


class CountBlocks:
    """Blocks of at least `size` transactions, in the order of the counts; the remainder waits for more.

    Args:
        size: Smallest number of transactions in a block.
        keep_first: Number of first blocks that are kept for good.

    Attributes:
        first: The first blocks, at most `keep_first`.
    """

    def __init__(self, size: int, keep_first: int) -> None:
        self._size = size
        self._keep_first = keep_first
        self._open = np.zeros(WIDTH, dtype=np.int64)
        self._newest: deque[NDArray[np.int64]] = deque(maxlen=MAX_BLOCKS)
        self.first: list[NDArray[np.int64]] = []

    def add(self, row: NDArray[np.int64]) -> None:
        """Add counts (WIDTH,)."""
        self._open += row
        if self._open[TRANSACTIONS] < self._size:
            return
        self._newest.append(self._open)
        if len(self.first) < self._keep_first:
            self.first.append(self._open)
        self._open = np.zeros(WIDTH, dtype=np.int64)

    def rows(self) -> BlockRows:
        """Return (n, WIDTH) the newest complete blocks, in order."""
        return stack_rows(self._newest)


def stack_rows(rows: Iterable[NDArray[np.int64]]) -> BlockRows:
    """Return rows (WIDTH,) or (n, WIDTH) as one array."""
    return np.vstack([np.empty((0, WIDTH), dtype=np.int64), *rows])


def counted_blocks(count: int, adjective: str = "") -> str:
    """Return a number of blocks as text.

    >>> counted_blocks(1), counted_blocks(12, "earlier ")
    ('1 block', '12 earlier blocks')
    """
    return f"{count} {adjective}block{'' if count == 1 else 's'}"


def tumbling_sums(blocks: BlockRows, size: int) -> BlockRows:
    """Return the sum of each `size` consecutive blocks without overlap; a remainder at the end is dropped.

    >>> tumbling_sums(np.arange(5)[:, None], 2).tolist()
    [[1], [5]]
    """
    complete = len(blocks) // size
    sums: BlockRows = blocks[: complete * size].reshape(complete, size, blocks.shape[1]).sum(axis=1)
    return sums


def sliding_sums(blocks: BlockRows, size: int) -> BlockRows:
    """Return the sums of `size` neighbours, starting at each block; the last block's neighbour is the first.

    So a shadow period of one whole cycle contains each phase of the cycle once.

    >>> sliding_sums(np.arange(4)[:, None], 2).tolist()
    [[1], [3], [5], [3]]
    """
    ring = np.vstack([np.zeros_like(blocks[:1]), blocks, blocks[: size - 1]]).cumsum(axis=0)
    sums: BlockRows = ring[size:] - ring[:-size]
    return sums

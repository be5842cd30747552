"""Merged counts, cut into blocks of so many transactions: what comes after is compared by events, not by the clock."""

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from schemas.messages import PlayerCounts, RoleCounts
from stream.scoring.score_counts import SCORE_BINS

#: A block's columns: transactions, alerts, problems, parts scored, slow ones of these, then the score's bins.
TRANSACTIONS, ALERTS, PROBLEMS, PARTS, SLOW = range(5)
FIRST_BIN = 5
WIDTH = FIRST_BIN + SCORE_BINS
#: Blocks kept of one player in one term, the newest: 6 MB.
MAX_BLOCKS = 20_000

#: (blocks, WIDTH), one row each.
BlockRows = NDArray[np.int64]


def block_row(counts: RoleCounts, player: PlayerCounts, slow_ms: int) -> NDArray[np.int64]:
    """Return (WIDTH,) what a message says of one of its players.

    Args:
        counts: The message; how long scoring took is the same for all its players.
        player: One of them.
        slow_ms: A part that took longer is slow; taken as the next power of two.
    """
    fast = (slow_ms - 1).bit_length() + 1  # bins: up to 1 ms, up to 2, …
    alerts = player.reviews + player.declines
    slow = sum(counts.latencies[fast:])
    return np.array([player.transactions, alerts, player.problems, sum(counts.latencies), slow, *player.scores])


class Blocks:
    """Blocks of at least `size` transactions, in the order of the counts; the rest waits for more.

    Args:
        size: Transactions.
        first: How many of the first blocks are kept, whatever comes after.

    Attributes:
        first: Those.
    """

    def __init__(self, size: int, first: int) -> None:
        self._size = size
        self._most_first = first
        self._open = np.zeros(WIDTH, dtype=np.int64)
        self._newest: deque[NDArray[np.int64]] = deque(maxlen=MAX_BLOCKS)
        self.first: list[NDArray[np.int64]] = []

    def add(self, row: NDArray[np.int64]) -> None:
        """Add counts (WIDTH,)."""
        self._open += row
        if self._open[TRANSACTIONS] < self._size:
            return
        self._newest.append(self._open)
        if len(self.first) < self._most_first:
            self.first.append(self._open)
        self._open = np.zeros(WIDTH, dtype=np.int64)

    def rows(self) -> BlockRows:
        """Return (n, WIDTH) the newest complete blocks, in order."""
        return stack_rows(self._newest)


def stack_rows(rows: Iterable[NDArray[np.int64]]) -> BlockRows:
    """Return rows (WIDTH,) or (n, WIDTH) as one array."""
    return np.vstack([np.empty((0, WIDTH), dtype=np.int64), *rows])


def tumbling_sums(blocks: BlockRows, size: int) -> BlockRows:
    """Return the sums of each `size` blocks, one after the other; what is left at the end is left out.

    >>> tiles(np.arange(5)[:, None], 2).tolist()
    [[1], [5]]
    """
    whole = len(blocks) // size
    sums: BlockRows = blocks[: whole * size].reshape(whole, size, blocks.shape[1]).sum(axis=1)
    return sums


def sliding_sums(blocks: BlockRows, size: int) -> BlockRows:
    """Return the sums of `size` neighbours, beginning at each block; the last block's neighbour is the first.

    So a shadow period of one whole cycle holds each of the cycle's phases once.

    >>> slides(np.arange(4)[:, None], 2).tolist()
    [[1], [3], [5], [3]]
    """
    ring = np.vstack([np.zeros_like(blocks[:1]), blocks, blocks[: size - 1]]).cumsum(axis=0)
    sums: BlockRows = ring[size:] - ring[:-size]
    return sums

"""Bin counts of consecutive windows of several sizes, computed by counting each row once.

Every window size is a multiple of the block size, so a window's counts are the sum of its blocks' counts.
"""

import numpy as np
from numpy.typing import NDArray

from stream.drift.binning import Binning
from stream.scoring.features import Matrix

#: Number of rows in a block.
BLOCK = 500
#: Window sizes in rows, ascending, each a multiple of `BLOCK`.
SIZES = (500, 1000, 2000, 5000, 10_000, 20_000)
#: Smallest number of windows. With fewer, the largest statistic is down to chance, so the window size is left out.
MIN_WINDOWS = 8


def count_blocks(binning: Binning, matrix: Matrix, scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count rows in bins, block by block.

    Args:
        binning: Bins of the model.
        matrix: Feature vectors (n, n_features) in order of event time, NaN where a value is missing.
        scores: Scores (n,), NaN where a row has no score.

    Returns:
        Counts (n // BLOCK, binning.width); rows after the last complete block are not counted.
    """
    counts = np.empty((len(matrix) // BLOCK, binning.width), dtype=np.int64)
    for number in range(len(counts)):
        rows = slice(number * BLOCK, (number + 1) * BLOCK)
        counts[number] = binning.count(matrix[rows], scores[rows])
    return counts


def sum_windows(blocks: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Sum the counts (b, width) of blocks into the counts (k, width) of windows of `rows` rows.

    An incomplete last window is left out.

    >>> sum_windows(np.array([[1], [2], [3], [4], [5]]), 2 * BLOCK).ravel().tolist()
    [3, 7]
    """
    blocks_per_window = rows // BLOCK
    complete = len(blocks) // blocks_per_window
    summed: NDArray[np.int64] = (
        blocks[: complete * blocks_per_window].reshape(complete, blocks_per_window, -1).sum(axis=1)
    )
    return summed


def fitting_sizes(rows: int) -> tuple[int, ...]:
    """Return the window sizes that fit at least `MIN_WINDOWS` times into the given number of rows.

    >>> fitting_sizes(40_000)
    (500, 1000, 2000, 5000)
    """
    return tuple(size for size in SIZES if rows // size >= MIN_WINDOWS)

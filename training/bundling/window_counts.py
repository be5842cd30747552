"""Counts of consecutive windows of several sizes, each row counted once.

Every size is a multiple of one block, so a window's counts are the sum of its blocks'.
"""

import numpy as np
from numpy.typing import NDArray

from stream.drift.binning import Binning
from stream.scoring.features import Matrix

#: Rows.
BLOCK = 500
#: Rows of a window, ascending, each a multiple of `BLOCK`.
SIZES = (500, 1000, 2000, 5000, 10_000, 20_000)
#: Of fewer windows the largest is no quantile but one window's luck, so a size is left out.
MIN_WINDOWS = 8


def count_blocks(grid: Binning, matrix: Matrix, scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count rows block by block.

    Args:
        grid: Of the model.
        matrix: (n, n_features) in order of event time, NaN where a value was missing.
        scores: (n,), NaN where there is none.

    Returns:
        (n // BLOCK, grid.width); what is left at the end is in no block.
    """
    counts = np.empty((len(matrix) // BLOCK, grid.width), dtype=np.int64)
    for number in range(len(counts)):
        rows = slice(number * BLOCK, (number + 1) * BLOCK)
        counts[number] = grid.count(matrix[rows], scores[rows])
    return counts


def windows(blocks: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Add blocks (b, width) up to consecutive windows of so many rows, (k, width); fewer blocks at the end are left.

    >>> windows(np.array([[1], [2], [3], [4], [5]]), 2 * BLOCK).ravel().tolist()
    [3, 7]
    """
    each = rows // BLOCK
    whole = len(blocks) // each
    summed: NDArray[np.int64] = blocks[: whole * each].reshape(whole, each, -1).sum(axis=1)
    return summed


def fitting_sizes(rows: int) -> tuple[int, ...]:
    """Return the sizes of which `MIN_WINDOWS` fit into so many rows.

    >>> fitting_sizes(40_000)
    (500, 1000, 2000, 5000)
    """
    return tuple(size for size in SIZES if rows // size >= MIN_WINDOWS)

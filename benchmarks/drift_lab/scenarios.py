"""What is done to a stream's rows: to every feature at once, for each feature is then looked at by itself.

Since no statistic of one feature looks at another, a matrix in which all of them are disturbed holds as many
disturbed streams as it has columns.
"""

from collections.abc import Callable, Mapping

import numpy as np

from schemas.manifest import ReferenceProfile
from stream.drift.binning import Counts
from stream.scoring.features import Matrix

#: Standard deviations.
SHIFT = 0.5
#: A category that vanishes has this share of the reference at least.
LEAST_SHARE = 0.05

Scenario = Callable[[Matrix], Matrix]


def doubled(matrix: Matrix) -> Matrix:
    """Every value twice as large: an amount in another unit."""
    return 2 * matrix


def moved(matrix: Matrix, deviations: float = SHIFT) -> Matrix:
    """Every value larger by so many standard deviations of its column."""
    spread = np.nanstd(matrix, axis=0, dtype=np.float64)
    shifted: Matrix = (matrix + deviations * spread).astype(np.float32)
    return shifted


def spread_out(matrix: Matrix) -> Matrix:
    """The variance twice as large about the same mean."""
    mean = np.nanmean(matrix, axis=0, dtype=np.float64)
    wider: Matrix = (mean + np.sqrt(2) * (matrix - mean)).astype(np.float32)
    return wider


def stuck_at_null(matrix: Matrix) -> Matrix:
    """No value at all."""
    return np.full_like(matrix, np.nan)


#: Of numeric features, by name.
SCENARIOS: Mapping[str, Scenario] = {
    "value doubled": doubled,
    f"shift by {SHIFT} sd": moved,
    "variance doubled": spread_out,
    "stuck at null": stuck_at_null,
}
VANISHED = "category vanishes"


def vanishing(profile: ReferenceProfile) -> int | None:
    """Return the rarest category with `LEAST_SHARE` of the reference, as the index of its bin; None without any."""
    shares = np.array(profile.bin_counts[:-1]) / sum(profile.bin_counts)
    enough = np.flatnonzero(shares >= LEAST_SHARE)
    # One that is everything leaves nothing when it goes.
    return int(enough[np.argmin(shares[enough])]) if len(enough) > 1 else None


def without(counts: Counts, category: int) -> Counts:
    """Return counts (k,) of one column after no row of a category comes any more."""
    left = counts.copy()
    left[category] = 0
    return left

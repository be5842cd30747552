"""Disturbances of a stream's rows, applied to all features at once; each feature is then evaluated alone.

No statistic of one feature depends on another feature, so a matrix with all columns disturbed contains as many
disturbed streams as it has columns.
"""

from collections.abc import Callable, Mapping

import numpy as np

from schemas.manifest import ReferenceProfile
from stream.drift.binning import Counts
from stream.scoring.features import Matrix

#: Size of the shift, in standard deviations.
SHIFT = 0.5
#: Minimum share of the reference for the category that disappears.
MIN_CATEGORY_SHARE = 0.05

Scenario = Callable[[Matrix], Matrix]


def doubled(matrix: Matrix) -> Matrix:
    """Double every value, as if the unit of an amount had changed."""
    return 2 * matrix


def shifted(matrix: Matrix, deviations: float = SHIFT) -> Matrix:
    """Add `deviations` standard deviations of the column to every value."""
    spread = np.nanstd(matrix, axis=0, dtype=np.float64)
    result: Matrix = (matrix + deviations * spread).astype(np.float32)
    return result


def variance_doubled(matrix: Matrix) -> Matrix:
    """Double each column's variance and keep its mean."""
    mean = np.nanmean(matrix, axis=0, dtype=np.float64)
    result: Matrix = (mean + np.sqrt(2) * (matrix - mean)).astype(np.float32)
    return result


def stuck_at_null(matrix: Matrix) -> Matrix:
    """Set every value to missing."""
    return np.full_like(matrix, np.nan)


#: Scenarios for numeric features, by name.
SCENARIOS: Mapping[str, Scenario] = {
    "value doubled": doubled,
    f"shift by {SHIFT} sd": shifted,
    "variance doubled": variance_doubled,
    "stuck at null": stuck_at_null,
}
#: Name of the scenario for categorical features.
CATEGORY_VANISHES = "category vanishes"


def rarest_common_category(profile: ReferenceProfile) -> int | None:
    """Return the bin index of the rarest category with at least `MIN_CATEGORY_SHARE` of the reference.

    Returns:
        None if fewer than two categories have that share, because removing the only category would leave no rows.
    """
    shares = np.array(profile.bin_counts[:-1]) / sum(profile.bin_counts)
    common = np.flatnonzero(shares >= MIN_CATEGORY_SHARE)
    return int(common[np.argmin(shares[common])]) if len(common) > 1 else None


def drop_category(counts: Counts, category: int) -> Counts:
    """Return the bin counts (k,) of one column after removing the rows of a category."""
    remaining = counts.copy()
    remaining[category] = 0
    return remaining

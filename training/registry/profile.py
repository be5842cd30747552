"""What "ordinary" looked like at training: reference profiles, parity rows."""

import math

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Parity, ReferenceProfile
from schemas.messages import Policy
from stream.scoring.features import Matrix
from training.evaluation.scored import Scored
from training.models.export import nearest_rows

QUANTILES = 200
BINS = 10
PARITY_ROWS = 64
_PARITY_FRAUDS = 16
_PARITY_NEAR_THRESHOLD = 12


def make_profile(values: NDArray[np.float32]) -> ReferenceProfile:
    """Profile those values of one column (n,) that are not missing; at least one must be.

    Inner edges are the deciles, fewer where deciles coincide. A value on an edge belongs to the bin above it.
    """
    exact = values[~np.isnan(values)].astype(np.float64)
    edges = np.unique(np.quantile(exact, np.arange(1, BINS) / BINS))
    counts = np.bincount(np.searchsorted(edges, exact, side="right"), minlength=len(edges) + 1)
    quantiles = np.quantile(exact, np.linspace(0, 1, QUANTILES))
    return ReferenceProfile(tuple(edges.tolist()), tuple(counts.tolist()), tuple(quantiles.tolist()))


def choose_parity_rows(matrix: Matrix, scored: Scored, policy: Policy) -> Parity:
    """Choose `PARITY_ROWS` rows that a broken model would most likely score otherwise.

    The highest-scored frauds, the rows closest to each threshold, and the rest evenly over the ranking.

    Args:
        matrix: (n, n_features).
        scored: The same n rows.
        policy: Whose thresholds count.
    """
    scores, frauds = scored.scores, np.flatnonzero(scored.labels)
    chosen = list(frauds[np.argsort(-scores[frauds], kind="stable")][:_PARITY_FRAUDS])
    chosen += list(nearest_rows(scores, policy, scored.amount_minor, _PARITY_NEAR_THRESHOLD))
    ranking = np.argsort(scores, kind="stable")
    chosen += list(ranking[np.linspace(0, len(ranking) - 1, PARITY_ROWS).astype(int)])
    rows = list(dict.fromkeys(int(row) for row in chosen))[:PARITY_ROWS]
    values = (tuple(None if math.isnan(value) else value for value in row) for row in matrix[rows].tolist())
    return Parity(tuple(values), tuple(scores[rows].tolist()))

"""What "ordinary" looked like at training: reference profiles, parity rows."""

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Parity, ReferenceProfile
from schemas.messages import Policy
from stream.scoring.features import Matrix

QUANTILES = 200
BINS = 10
PARITY_ROWS = 64
_PARITY_FRAUDS = 16
_PARITY_NEAR_THRESHOLD = 12


def make_profile(values: NDArray[np.float32]) -> ReferenceProfile:
    """Profile one column (n,).

    Inner edges are the deciles, fewer where deciles coincide. A value on an edge belongs to the bin above it.
    """
    exact = values.astype(np.float64)
    edges = np.unique(np.quantile(exact, np.arange(1, BINS) / BINS))
    counts = np.bincount(np.searchsorted(edges, exact, side="right"), minlength=len(edges) + 1)
    quantiles = np.quantile(exact, np.linspace(0, 1, QUANTILES))
    return ReferenceProfile(tuple(edges.tolist()), tuple(counts.tolist()), tuple(quantiles.tolist()))


def choose_parity_rows(matrix: Matrix, scores: NDArray[np.float32], labels: NDArray[np.int8], policy: Policy) -> Parity:
    """Choose `PARITY_ROWS` rows that a broken model would most likely score otherwise.

    The highest-scored frauds, the rows closest to each threshold, and the rest evenly over the ranking.
    """
    frauds = np.flatnonzero(labels)
    chosen = list(frauds[np.argsort(-scores[frauds], kind="stable")][:_PARITY_FRAUDS])
    for threshold in (policy.review, policy.decline):
        chosen += list(np.argsort(np.abs(scores - threshold), kind="stable")[:_PARITY_NEAR_THRESHOLD])
    ranking = np.argsort(scores, kind="stable")
    chosen += list(ranking[np.linspace(0, len(ranking) - 1, PARITY_ROWS).astype(int)])
    rows = list(dict.fromkeys(int(row) for row in chosen))[:PARITY_ROWS]
    return Parity(tuple(tuple(row) for row in matrix[rows].tolist()), tuple(scores[rows].tolist()))

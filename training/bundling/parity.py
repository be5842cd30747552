"""Check that an ONNX graph scores like the original model, and choose the scored rows to keep in the manifest."""

import math

import numpy as np
from numpy.typing import NDArray

from schemas.errors import QualityError
from schemas.manifest import Parity
from schemas.messages import Policy
from stream.scoring.features import Matrix
from stream.scoring.policy import severities, thresholds
from training.evaluation.scored_rows import ScoredRows

#: Largest allowed difference between the scores of the graph and of the original.
TOLERANCE = 1e-5
#: Number of parity rows in the manifest, and the largest numbers of frauds and of rows near each threshold among them.
PARITY_ROWS = 64
_PARITY_FRAUDS = 16
_PARITY_NEAR_THRESHOLD = 12


def check_parity(
    scores: NDArray[np.float32], original: NDArray[np.float64], policy: Policy, amount_minor: NDArray[np.int64]
) -> float:
    """Return the largest difference between the scores (n,) of the graph and of the original.

    Raises:
        QualityError: If the difference is above `TOLERANCE` or any verdict differs.
    """
    worst = float(np.max(np.abs(scores - original)))
    if not worst <= TOLERANCE:  # also true for NaN
        raise QualityError(
            f"the ONNX graph's scores differ from the original model's by {worst:.3g}, more than {TOLERANCE}"
        )
    exact = severities(original, policy, amount_minor)
    if flips := int(np.sum(severities(scores, policy, amount_minor) != exact)):
        raise QualityError(f"the ONNX graph changes {flips} of the original model's {len(scores)} verdicts")
    return worst


def choose_parity_rows(matrix: Matrix, scored: ScoredRows, policy: Policy) -> Parity:
    """Choose the `PARITY_ROWS` rows that a broken model would most likely score differently.

    They are the highest-scored frauds, the rows closest to each threshold, and rows spread evenly over the ranking.

    Args:
        matrix: Feature vectors (n, n_features).
        scored: Scores of the same n rows.
        policy: Policy that defines the thresholds.
    """
    scores, frauds = scored.scores, np.flatnonzero(scored.labels)
    chosen = list(frauds[np.argsort(-scores[frauds], kind="stable")][:_PARITY_FRAUDS])
    chosen += list(nearest_rows(scores, policy, scored.amount_minor, _PARITY_NEAR_THRESHOLD))
    ranking = np.argsort(scores, kind="stable")
    chosen += list(ranking[np.linspace(0, len(ranking) - 1, PARITY_ROWS).astype(int)])
    rows = list(dict.fromkeys(int(row) for row in chosen))[:PARITY_ROWS]
    values = (tuple(None if math.isnan(value) else value for value in row) for row in matrix[rows].tolist())
    return Parity(tuple(values), tuple(scores[rows].tolist()))


def nearest_rows(
    scores: NDArray[np.float32], policy: Policy, amount_minor: NDArray[np.int64], count: int
) -> NDArray[np.intp]:
    """Return the indices of the `count` rows closest to each threshold, where a verdict would flip first."""
    nearest = [
        np.argsort(np.abs(scores - threshold), kind="stable")[:count]
        for threshold in (thresholds(policy, amount_minor), policy.decline)
    ]
    return np.unique(np.concatenate(nearest))

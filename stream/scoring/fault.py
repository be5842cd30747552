"""When a model fails on a batch: is it the model, or one of the rows?"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream.scoring.features import Matrix
from stream.scoring.model import ScoringModel

Score = Callable[[Matrix], NDArray[np.float32]]


def score_or_isolate(model: ScoringModel, matrix: Matrix) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Score a matrix, finding the rows the model cannot score.

    A model that fails at its own parity rows is at fault itself, and no row is blamed. Otherwise the batch is
    bisected: b bad rows of n cost about 2·b·log2(n) runs.

    Returns:
        scores (n,) and scored (n,), False where the row has no valid score (its score is then NaN).

    Raises:
        ModelFaultError: If the model is at fault.
    """
    try:
        scores = _run(model.score, matrix)
    except Exception:  # noqa: BLE001 - a runtime's errors have no common root; parity decides whose fault it is
        model.check_parity()
        scores = _bisect(model.score, matrix)
    # A comparison with NaN is False, so this also finds scores that are no number.
    scored = (scores >= 0) & (scores <= 1)
    if not scored.all():
        model.check_parity()
        scores = np.where(scored, scores, np.float32(np.nan))
    return scores, scored


def _run(score: Score, matrix: Matrix) -> NDArray[np.float32]:
    scores = score(matrix)
    if scores.shape != (len(matrix),):
        raise ValueError(f"{scores.shape} scores for {len(matrix)} rows")
    return scores


def _bisect(score: Score, matrix: Matrix) -> NDArray[np.float32]:
    if len(matrix) == 1:
        try:
            return _run(score, matrix)
        except Exception:  # noqa: BLE001 - as above
            return np.full(1, np.nan, dtype=np.float32)
    half = len(matrix) // 2
    parts = []
    for part in (matrix[:half], matrix[half:]):
        try:
            parts.append(_run(score, part))
        except Exception:  # noqa: BLE001 - as above
            parts.append(_bisect(score, part))
    return np.concatenate(parts)

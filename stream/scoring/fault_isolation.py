"""Finds out whether the model or single rows are at fault when scoring a batch fails."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream.scoring.features import Matrix
from stream.scoring.model import ScoringModel

Score = Callable[[Matrix], NDArray[np.float32]]


def score_or_isolate(model: ScoringModel, matrix: Matrix) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Score a matrix and isolate the rows that the model cannot score.

    A model that fails its own parity rows is at fault itself, and no row is blamed. Otherwise the batch is bisected:
    b bad rows of n cost about 2·b·log2(n) runs.

    Args:
        model: Model to run.
        matrix: (n, n_features) model input.

    Returns:
        scores (n,), NaN for a row without a valid score; and scored (n,), true for a row with one. A valid score is in
        [0, 1].

    Raises:
        ModelFaultError: If the model is at fault.
    """
    try:
        scores = _run(model.score, matrix)
    except Exception:  # noqa: BLE001 - runtime errors share no base class; parity decides what is at fault
        model.check_parity()
        scores = _bisect(model.score, matrix)
    # A comparison with NaN is false, so this also catches NaN scores.
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
    """Return (n,) scores by bisection; NaN for the rows on which scoring fails."""
    if len(matrix) == 1:
        try:
            return _run(score, matrix)
        except Exception:  # noqa: BLE001 - as above
            return np.full(1, np.nan, dtype=np.float32)
    middle = len(matrix) // 2
    scores = []
    for half in (matrix[:middle], matrix[middle:]):
        try:
            scores.append(_run(score, half))
        except Exception:  # noqa: BLE001 - as above
            scores.append(_bisect(score, half))
    return np.concatenate(scores)

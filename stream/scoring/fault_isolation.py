"""Finds out whether the model or individual rows are at fault when scoring a batch fails."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stream.scoring.features import Matrix
from stream.scoring.model import ScoringModel

Score = Callable[[Matrix], NDArray[np.float32]]


def score_or_isolate(model: ScoringModel, matrix: Matrix) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Score a matrix and isolate the rows that the model cannot score.

    If the model also fails on its own parity rows, the model is at fault, and no row is blamed. Otherwise the batch is
    bisected, which takes about 2·b·log2(n) runs of the model for b bad rows among n rows.

    Args:
        model: Model to score with.
        matrix: (n, n_features) model input.

    Returns:
        (n,) scores, NaN for a row without a valid score, and (n,) whether each row has a valid score. Valid scores are
        in [0, 1].

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
    """Return the (n,) scores, found by bisection; NaN for the rows on which scoring fails."""
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

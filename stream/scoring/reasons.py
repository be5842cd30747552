"""Why a score is high: each feature replaced by its reference median, one at a time.

Single-feature occlusion against a fixed background (Robnik-Sikonja and Kononenko 2008, "Explaining
classifications for individual instances"). It needs only the model's own scores, so any ONNX model will do, and
it is a pure function of the feature vector.
"""

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Reason
from stream.scoring.fault import score_or_isolate
from stream.scoring.features import Matrix
from stream.scoring.model import ScoringModel

#: Alerts explained at once: bounds the memory of a batch that alerts throughout (each takes n_features² floats).
CHUNK = 64


def explain(model: ScoringModel, matrix: Matrix, scores: NDArray[np.float32], most: int) -> list[tuple[Reason, ...]]:
    """Name the features that push scores up.

    Args:
        model: That gave the scores.
        matrix: (k, n_features) of the alerts.
        scores: (k,) of the alerts.
        most: Reasons a row at most.

    Returns:
        For each row at most `most` reasons, strongest first; equal ones in manifest order.
    """
    reasons: list[tuple[Reason, ...]] = []
    for start in range(0, len(matrix), CHUNK):
        part = slice(start, start + CHUNK)
        reasons += _explain_chunk(model, matrix[part], scores[part], most)
    return reasons


def _explain_chunk(
    model: ScoringModel, matrix: Matrix, scores: NDArray[np.float32], most: int
) -> list[tuple[Reason, ...]]:
    rows, width = matrix.shape
    replaced = np.repeat(matrix, width, axis=0).reshape(rows, width, width)
    features = np.arange(width)
    replaced[:, features, features] = model.plan.medians
    # A replaced row that the model cannot score has NaN here and so gives no reason.
    without = score_or_isolate(model, replaced.reshape(rows * width, width))[0].reshape(rows, width)
    contributions = scores[:, np.newaxis].astype(np.float64) - without
    strongest = np.argsort(-contributions, axis=1, kind="stable")[:, :most]
    return [
        tuple(Reason(model.plan.names[j], float(row[j])) for j in order if row[j] > 0)
        for row, order in zip(contributions, strongest, strict=True)
    ]

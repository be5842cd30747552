"""Why a score is high: each feature replaced by its reference median, one at a time.

Single-feature occlusion against a fixed background (Robnik-Sikonja and Kononenko 2008, "Explaining
classifications for individual instances"). It needs only the model's own scores, so any ONNX model will do, and
it is a pure function of the feature vector.

What stands in place of a feature depends on its kind:

- numeric: the median. categorical: the most frequent category, whatever stood there, an unknown one or null too.
- Features made of one thing are replaced together, and the first of them in manifest order is named: of the amount
  and its logarithm, one alone would contradict the other and keep what both say; one of the hour's two coordinates
  alone would be another hour, not an ordinary one. The hour's medians lie inside the dial's circle, towards the hours
  most used.

Reasons are reasons for the score. What an expected_loss policy reviews for its amount at a middling score may have
few.
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
    # One copy of the row for each source, with the columns made of it replaced.
    sources, copy_of = np.unique(model.plan.sources, return_inverse=True)
    replaced = np.repeat(matrix, len(sources), axis=0).reshape(rows, len(sources), width)
    replaced[:, copy_of, np.arange(width)] = model.plan.medians
    # A replaced row that the model cannot score has NaN here and so gives no reason.
    without = score_or_isolate(model, replaced.reshape(rows * len(sources), width))[0].reshape(rows, len(sources))
    contributions = scores[:, np.newaxis].astype(np.float64) - without
    strongest = np.argsort(-contributions, axis=1, kind="stable")[:, :most]
    names = [model.plan.names[source] for source in sources]
    return [
        tuple(Reason(names[j], float(row[j])) for j in order if row[j] > 0)
        for row, order in zip(contributions, strongest, strict=True)
    ]

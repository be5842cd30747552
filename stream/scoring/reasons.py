"""Reasons for a high score: how much the score falls when one feature is replaced with its reference median.

The method is single-feature occlusion against a fixed background (M. Robnik-Šikonja and I. Kononenko, "Explaining
classifications for individual instances", 2008). It needs only the model's scores, so it works for any ONNX model, and
it is a pure function of the feature vector.

The replacement depends on the kind of feature:

- A numeric feature is replaced with the median.
- A categorical feature is replaced with the most frequent category, even if its value is unknown or null.
- Features derived from one field are replaced together, and the reason names the first of them in manifest order.
  Replacing the amount alone would contradict its logarithm, which still expresses the same amount; replacing one
  coordinate of the hour alone would give a different hour, not a typical hour. The medians of the hour's coordinates
  lie inside the circle, towards the busiest hours.

Reasons explain the score. If an expected_loss policy reviews a transaction for its amount despite a moderate score, the
alert may have few reasons.
"""

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Reason
from stream.scoring.fault_isolation import score_or_isolate
from stream.scoring.features import Matrix
from stream.scoring.model import ScoringModel

#: Number of alerts explained at once, which bounds memory if a whole batch alerts: each alert takes n_features² floats.
CHUNK = 64


def explain(
    model: ScoringModel, matrix: Matrix, scores: NDArray[np.float32], max_reasons: int
) -> list[tuple[Reason, ...]]:
    """Return the reasons for each score: the features that raise it most.

    Args:
        model: Model that gave the scores.
        matrix: (k, n_features) model input of the alerts.
        scores: (k,) scores of the alerts.
        max_reasons: Largest number of reasons to give for an alert.

    Returns:
        k tuples of reasons, strongest first, with ties in manifest order.
    """
    reasons: list[tuple[Reason, ...]] = []
    for start in range(0, len(matrix), CHUNK):
        chunk = slice(start, start + CHUNK)
        reasons += _explain_chunk(model, matrix[chunk], scores[chunk], max_reasons)
    return reasons


def _explain_chunk(
    model: ScoringModel, matrix: Matrix, scores: NDArray[np.float32], max_reasons: int
) -> list[tuple[Reason, ...]]:
    rows, width = matrix.shape
    # One copy of the row for each source, in which the columns derived from that source are replaced.
    sources, copy_of = np.unique(model.plan.sources, return_inverse=True)
    replaced = np.repeat(matrix, len(sources), axis=0).reshape(rows, len(sources), width)
    replaced[:, copy_of, np.arange(width)] = model.plan.medians
    # A copy that the model cannot score has NaN here, and so gives no reason.
    without = score_or_isolate(model, replaced.reshape(rows * len(sources), width))[0].reshape(rows, len(sources))
    contributions = scores[:, np.newaxis].astype(np.float64) - without
    strongest = np.argsort(-contributions, axis=1, kind="stable")[:, :max_reasons]
    names = [model.plan.names[source] for source in sources]
    return [
        tuple(Reason(names[j], float(row[j])) for j in order if row[j] > 0)
        for row, order in zip(contributions, strongest, strict=True)
    ]

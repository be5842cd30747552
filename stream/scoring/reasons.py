"""Reasons for a high score: how much it falls when one feature is replaced by its reference median.

Single-feature occlusion against a fixed background (M. Robnik-Šikonja and I. Kononenko, "Explaining classifications
for individual instances", 2008). It needs only the model's scores, so it works for any ONNX model, and it is a pure
function of the feature vector.

The replacement depends on the kind of feature:

- numeric: the median.
- categorical: the most frequent category, also for an unknown category or null.
- Features derived from one field are replaced together, and the first of them in manifest order is named. Replacing
  the amount alone would contradict its logarithm and keep what both express; one coordinate of the hour alone would
  make another hour, not a typical one. The medians of the hour's coordinates lie inside the circle, towards the
  busiest hours.

Reasons explain the score. A transaction that an expected_loss policy reviews for its amount, at a middling score, may
have few.
"""

import numpy as np
from numpy.typing import NDArray

from schemas.messages import Reason
from stream.scoring.fault_isolation import score_or_isolate
from stream.scoring.features import Matrix
from stream.scoring.model import ScoringModel

#: Alerts explained at once. It bounds memory if every transaction of a batch alerts: each takes n_features² floats.
CHUNK = 64


def explain(
    model: ScoringModel, matrix: Matrix, scores: NDArray[np.float32], max_reasons: int
) -> list[tuple[Reason, ...]]:
    """Return the features that push each score up.

    Args:
        model: Model that gave the scores.
        matrix: (k, n_features) model input of the alerts.
        scores: (k,) scores of the alerts.
        max_reasons: Largest number of reasons for an alert.

    Returns:
        k tuples of reasons, strongest first; ties in manifest order.
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
    # One copy of the row for each source, with the columns made from that source replaced.
    sources, copy_of = np.unique(model.plan.sources, return_inverse=True)
    replaced = np.repeat(matrix, len(sources), axis=0).reshape(rows, len(sources), width)
    replaced[:, copy_of, np.arange(width)] = model.plan.medians
    # A replaced row that the model cannot score has NaN here, and so gives no reason.
    without = score_or_isolate(model, replaced.reshape(rows * len(sources), width))[0].reshape(rows, len(sources))
    contributions = scores[:, np.newaxis].astype(np.float64) - without
    strongest = np.argsort(-contributions, axis=1, kind="stable")[:, :max_reasons]
    names = [model.plan.names[source] for source in sources]
    return [
        tuple(Reason(names[j], float(row[j])) for j in order if row[j] > 0)
        for row, order in zip(contributions, strongest, strict=True)
    ]

"""Measure what a model costs the stream: its scoring time per row."""

import time

import numpy as np

from stream.models.onnx_session import OnnxModel
from stream.scoring.features import Matrix

#: Rows scored at once, about the size of a worker's batch under load.
BATCH = 250
#: Number of passes. For each batch, the fastest pass counts, because other work on the machine can only slow a pass
#: down.
PASSES = 7


def cost_us(session: OnnxModel, matrix: Matrix) -> float:
    """Return the scoring time per row, in microseconds, in batches of `BATCH` rows on the session's single thread.

    Args:
        session: Model to time.
        matrix: Feature vectors (n, n_features) to score; a few thousand rows are enough.
    """
    batches = [matrix[at : at + BATCH] for at in range(0, len(matrix), BATCH)]
    seconds = np.array([[_seconds(session, batch) for batch in batches] for _ in range(PASSES)])
    return float(seconds.min(axis=0).sum() / len(matrix) * 1e6)


def _seconds(session: OnnxModel, batch: Matrix) -> float:
    started = time.perf_counter()
    session.score(batch)
    return time.perf_counter() - started

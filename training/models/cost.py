"""What a model costs the stream: time for a row."""

import time

import numpy as np

from stream.models.onnx_session import OnnxModel
from stream.scoring.features import Matrix

#: Rows scored at once, about what the worker hands over under load.
BATCH = 250
#: Each batch counts with the fastest of so many passes: whatever else the machine does can only slow one down.
PASSES = 7


def cost_us(session: OnnxModel, matrix: Matrix) -> float:
    """Return the microseconds a row takes in batches of `BATCH` on the session's one thread.

    A few thousand rows (n, n_features) are enough.
    """
    batches = [matrix[at : at + BATCH] for at in range(0, len(matrix), BATCH)]
    seconds = np.array([[_seconds(session, batch) for batch in batches] for _ in range(PASSES)])
    return float(seconds.min(axis=0).sum() / len(matrix) * 1e6)


def _seconds(session: OnnxModel, batch: Matrix) -> float:
    started = time.perf_counter()
    session.score(batch)
    return time.perf_counter() - started

"""Check what a model costs a worker per transaction, as a ratio to the champion."""

import numpy as np

from stream.models.bundle import LoadedModel
from stream.scoring.features import Matrix
from training.models.cost import cost_us
from training.validation.check import CheckResult, judged
from training.validation.thresholds import CostLimits

#: Rows to time. Each pass over them takes milliseconds, so that other work seldom interrupts all passes.
ROWS = 2000
#: Number of times that the models are timed in turn. The fastest round of each counts, because other work on the
#: machine can only slow a round down.
_ROUNDS = 3


def check_cost(
    candidate: LoadedModel, candidate_rows: Matrix, champion: LoadedModel, champion_rows: Matrix, limits: CostLimits
) -> CheckResult:
    """Time both models on this machine in turn, so that a slow or busy machine slows both down.

    The time alone never fails, because it depends on the machine: only a ratio above the limit does, and only if the
    candidate's time is not negligible.

    Args:
        candidate: Model to check.
        candidate_rows: Feature vectors (n, n_features) of the candidate.
        champion: Model to compare with.
        champion_rows: Feature vectors (m, n_features) of the champion.
        limits: Limits of the check.
    """
    rounds = np.array(
        [(cost_us(champion.onnx, champion_rows), cost_us(candidate.onnx, candidate_rows)) for _ in range(_ROUNDS)]
    )
    champion_us, candidate_us = rounds.min(axis=0).tolist()
    ratio = candidate_us / champion_us
    problems = []
    if ratio > limits.max_ratio and candidate_us > limits.negligible_us:
        problems.append(
            f"{ratio:.1f} times the champion's cost, more than {limits.max_ratio:g} times "
            f"({candidate_us:.1f} and {champion_us:.1f} µs per transaction)"
        )
    text = f"{ratio:.2f} times the champion's cost ({candidate_us:.2f} and {champion_us:.2f} µs per transaction)"
    figures = {"candidate_us": candidate_us, "champion_us": champion_us, "ratio": ratio}
    return judged("cost", problems, text, figures)


def rows_to_time(model: LoadedModel, matrix: Matrix | None) -> Matrix:
    """Return `ROWS` feature vectors: the first rows of a matrix (n, n_features), or the parity rows, repeated."""
    rows = matrix if matrix is not None and len(matrix) else np.array(model.manifest.parity.rows, dtype=np.float32)
    repeated: Matrix = np.resize(rows, (ROWS, rows.shape[1]))
    return repeated

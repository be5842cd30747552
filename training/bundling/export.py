"""From a fitted model of any family and its calibration to one ONNX graph, and the proof that both score alike."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from schemas.errors import QualityError
from schemas.manifest import MODEL_NAME, Feature
from schemas.messages import Policy
from stream.models.onnx_session import OnnxModel
from stream.scoring.policy import severities, thresholds
from training.models.calibrate import Calibration
from training.models.fitted import FittedModel
from training.models.graph import GraphWriter

#: Largest difference between the graph and the original on the whole test part.
TOLERANCE = 1e-5


def to_onnx(fitted: FittedModel, calibration: Calibration, features: Sequence[Feature]) -> onnx.ModelProto:
    """Make a graph with one input, float32 (n, n_features), and one output, float32 (n,): the calibrated score.

    Imputation, encoding, scaling and calibration are part of the graph, so a bundle needs nothing but ONNX Runtime.
    """
    graph = GraphWriter()
    calibration.write(graph, fitted.write_log_odds(graph))
    return graph.model(len(features))


def open_session(model: onnx.ModelProto) -> OnnxModel:
    """Open a graph as the stream does: with more threads, sums of leaves differ in the last digits."""
    n_features = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / MODEL_NAME
        path.write_bytes(model.SerializeToString())
        return OnnxModel(path, n_features)


def nearest_rows(
    scores: NDArray[np.float32], policy: Policy, amount_minor: NDArray[np.int64], count: int
) -> NDArray[np.intp]:
    """Return the indices of the `count` rows whose scores stand closest to each threshold: where a flip would be."""
    nearest = [
        np.argsort(np.abs(scores - threshold), kind="stable")[:count]
        for threshold in (thresholds(policy, amount_minor), policy.decline)
    ]
    return np.unique(np.concatenate(nearest))


def check_parity(
    scores: NDArray[np.float32], original: NDArray[np.float64], policy: Policy, amount_minor: NDArray[np.int64]
) -> float:
    """Return the largest difference between the graph's scores and the original's.

    Raises:
        QualityError: If it is above `TOLERANCE`, or one verdict differs.
    """
    worst = float(np.max(np.abs(scores - original)))
    if not worst <= TOLERANCE:  # also true for NaN
        raise QualityError(f"the ONNX graph differs from the original by {worst:.3g}, {TOLERANCE} is allowed")
    exact = severities(original, policy, amount_minor)
    if flips := int(np.sum(severities(scores, policy, amount_minor) != exact)):
        raise QualityError(f"the ONNX graph flips {flips} of {len(scores)} verdicts of the original")
    return worst

"""Export a fitted model of any family, with its calibration, as one ONNX graph."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx

from schemas.manifest import MODEL_NAME, Feature
from stream.models.onnx_session import OnnxModel
from training.models.calibrate import Calibration
from training.models.fitted import FittedModel
from training.models.graph import GraphWriter


def to_onnx(fitted: FittedModel, calibration: Calibration, features: Sequence[Feature]) -> onnx.ModelProto:
    """Return a graph whose input is float32 (n, n_features) and whose output, float32 (n,), is the calibrated score.

    Imputation, encoding, scaling and calibration are part of the graph, so scoring with a bundle needs only ONNX
    Runtime.
    """
    graph = GraphWriter()
    calibration.write(graph, fitted.write_log_odds(graph))
    return graph.model(len(features))


def open_session(model: onnx.ModelProto) -> OnnxModel:
    """Open a graph as the stream does, on one thread.

    With more threads, the sums of the trees' leaves would differ in the last digits.
    """
    n_features = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / MODEL_NAME
        path.write_bytes(model.SerializeToString())
        return OnnxModel(path, n_features)

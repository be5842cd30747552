"""The ONNX Runtime session that runs a model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import BundleIncompatibleError
from stream.models.onnx_runtime import ort
from stream.scoring.features import Matrix


class OnnxModel:
    """An ONNX model with one float32 input (n, n_features) and one float32 output (n,), P(fraud).

    Args:
        path: ONNX file of the model.
        n_features: Number of features in the model's input.

    Raises:
        BundleIncompatibleError: If the graph cannot be loaded, or does not have this input and output.
    """

    def __init__(self, path: Path, n_features: int) -> None:
        options = ort.SessionOptions()
        # One thread for each session: a batch is large enough to keep a core busy, and if several sessions had more
        # threads than there are cores, they would only slow each other down.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has one exception class for each status code
            raise BundleIncompatibleError(
                f"{path.name} is not an ONNX model that this runtime can load ({error}); export the bundle again"
            ) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if [(i.type, i.shape[1:]) for i in inputs] != [("tensor(float)", [n_features])] or _has_fixed_rows(inputs[0]):
            raise BundleIncompatibleError(
                f"{path.name} must take one float32 input (n, {n_features}) with any n, but takes "
                f"{_signature(inputs)}; export the bundle again"
            )
        if [(o.type, len(o.shape)) for o in outputs] != [("tensor(float)", 1)]:
            raise BundleIncompatibleError(
                f"{path.name} must return one float32 output (n,), but returns {_signature(outputs)}; "
                "export the bundle again"
            )
        self._input = inputs[0].name
        self._output = [outputs[0].name]

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return the (n,) scores of the rows of an (n, n_features) matrix."""
        scores: NDArray[np.float32] = self._session.run(self._output, {self._input: matrix})[0]
        return scores


def _has_fixed_rows(node: ort.NodeArg) -> bool:
    """Return whether a graph accepts only a fixed number of rows; as many parity rows would not reveal this."""
    return isinstance(node.shape[0], int)


def _signature(nodes: Sequence[ort.NodeArg]) -> str:
    """Return the types and shapes of a graph's inputs or outputs as text, with "?" for a free dimension."""
    return " and ".join(f"{node.type} ({', '.join(str(size or '?') for size in node.shape)})" for node in nodes)

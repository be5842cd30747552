"""An ONNX Runtime session for one model."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from schemas.errors import BundleIncompatibleError
from stream.scoring.features import Matrix


class OnnxModel:
    """A model with one input, float32 (n, n_features), and one output, P(fraud) as float32 (n,).

    Args:
        path: ONNX file.
        n_features: Number of features.

    Raises:
        BundleIncompatibleError: If the graph cannot be loaded, or has other inputs or outputs.
    """

    def __init__(self, path: Path, n_features: int) -> None:
        options = ort.SessionOptions()
        # One thread for each session: batches are large enough to keep a core busy, and threads of several sessions on
        # the same cores only slow each other down.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has one exception class for each status code
            raise BundleIncompatibleError(
                f"{path.name} is not an ONNX model that this runtime can load ({error}); export it again"
            ) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if [(i.type, i.shape[1:]) for i in inputs] != [("tensor(float)", [n_features])] or _has_fixed_rows(inputs[0]):
            raise BundleIncompatibleError(
                f"{path.name} must take one float32 input (n, {n_features}) with any n, but it takes "
                f"{[(i.type, i.shape) for i in inputs]}; export it again"
            )
        if [(o.type, len(o.shape)) for o in outputs] != [("tensor(float)", 1)]:
            raise BundleIncompatibleError(
                f"{path.name} must give one float32 output (n,), but it gives "
                f"{[(o.type, o.shape) for o in outputs]}; export it again"
            )
        self._input = inputs[0].name
        self._output = [outputs[0].name]

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return (n,) scores of an (n, n_features) matrix."""
        scores: NDArray[np.float32] = self._session.run(self._output, {self._input: matrix})[0]
        return scores


def _has_fixed_rows(node: ort.NodeArg) -> bool:
    """Return whether a graph takes only a fixed number of rows; with that many parity rows it would pass its audit."""
    return isinstance(node.shape[0], int)

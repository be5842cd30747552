"""Add scikit-learn classifiers to the graph, converted by skl2onnx in double precision."""

from typing import Any

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

from training.models.graph import ML_DOMAIN, ML_OPSET, OPSET, GraphWriter
from training.models.odds import DOUBLE_EPSILON, write_log_odds

_PROBABILITIES = "probabilities"


def write_sklearn_log_odds(graph: GraphWriter, classifier: Any, matrix: str, width: int) -> str:
    """Add a binary classifier, or a pipeline that ends in a classifier, to the graph.

    With a double input, the graph made by skl2onnx computes in double throughout. In float32, a matrix product would
    vary by 2e-7 with the size of the batch, and a scaler by more.

    Args:
        graph: Graph to add the nodes to.
        classifier: Classifier fitted on a double matrix (n, width).
        matrix: Name of the same matrix in the graph.
        width: Number of columns of the matrix.

    Returns:
        Name of the log odds of class 1, double (n,).
    """
    converted = convert_sklearn(
        classifier,
        initial_types=[("matrix", DoubleTensorType([None, width]))],
        options={"zipmap": False},
        target_opset={"": OPSET, ML_DOMAIN: ML_OPSET},
    )
    # The predicted class is dropped, because the policy makes the decisions.
    probabilities = graph.inline(select_model_inputs_outputs(converted, [_PROBABILITIES]), matrix)
    fraud = graph.add("Gather", probabilities, graph.constant(1, "int64"), axis=1)
    return write_log_odds(graph, fraud, DOUBLE_EPSILON)

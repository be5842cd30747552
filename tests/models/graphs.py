"""Valid ONNX graphs that a bundle's audit must reject."""

from collections.abc import Sequence

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64
Dimension = int | str | None


def identity(
    input_shape: list[Dimension], output_shape: list[Dimension] | None = None, dtype: int = FLOAT, outputs: int = 1
) -> bytes:
    """Return a graph that outputs its input unchanged; the output shape defaults to the input shape."""
    names = [f"y{i}" for i in range(outputs)]
    return _model(
        [helper.make_node("Identity", ["x"], [name]) for name in names],
        [helper.make_tensor_value_info("x", dtype, input_shape)],
        [helper.make_tensor_value_info(name, dtype, output_shape or input_shape) for name in names],
    )


def row_means(rows: Dimension, width: int, *, inputs: int = 1, dtype: int = FLOAT) -> bytes:
    """Return a graph that returns each row's mean as `dtype`; with several inputs, the mean of their sum."""
    names = [f"x{i}" for i in range(inputs)]
    nodes = [
        helper.make_node("Sum", names, ["sum"]),
        helper.make_node("ReduceMean", ["sum"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Cast", ["mean"], ["y"], to=dtype),
    ]
    graph_inputs = [helper.make_tensor_value_info(name, FLOAT, [rows, width]) for name in names]
    return _model(nodes, graph_inputs, [helper.make_tensor_value_info("y", dtype, [rows])])


def first_rows(width: int, kept: int) -> bytes:
    """Return a graph that scores only the first `kept` rows of a batch, each with 0.5."""
    zero = numpy_helper.from_array(np.zeros((width,), dtype=np.float32), "w")
    limits = [numpy_helper.from_array(np.array([value]), name) for name, value in (("from", 0), ("to", kept))]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["score"]),
        helper.make_node("Slice", ["score", "from", "to"], ["y"]),
    ]
    inputs = [helper.make_tensor_value_info("x", FLOAT, [None, width])]
    return _model(nodes, inputs, [helper.make_tensor_value_info("y", FLOAT, [None])], [zero, *limits])


def _model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    weights: Sequence[TensorProto] = (),
) -> bytes:
    graph = helper.make_graph(nodes, "test", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    raw: bytes = model.SerializeToString()
    return raw

"""ONNX graphs that are whole but not what a bundle may hold."""

from collections.abc import Sequence

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64
Dimension = int | str | None


def identity(
    taken: list[Dimension], given: list[Dimension] | None = None, dtype: int = FLOAT, outputs: int = 1
) -> bytes:
    """Return a graph that gives what it takes, as often as asked; `given` is the shape it declares for that."""
    names = [f"y{i}" for i in range(outputs)]
    return _model(
        [helper.make_node("Identity", ["x"], [name]) for name in names],
        [helper.make_tensor_value_info("x", dtype, taken)],
        [helper.make_tensor_value_info(name, dtype, given or taken) for name in names],
    )


def row_means(rows: Dimension, width: int, *, inputs: int = 1, dtype: int = FLOAT) -> bytes:
    """Return a graph that gives each row's mean, float32 or as `dtype`; further inputs are added to the first."""
    names = [f"x{i}" for i in range(inputs)]
    nodes = [
        helper.make_node("Sum", names, ["sum"]),
        helper.make_node("ReduceMean", ["sum"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Cast", ["mean"], ["y"], to=dtype),
    ]
    takes = [helper.make_tensor_value_info(name, FLOAT, [rows, width]) for name in names]
    return _model(nodes, takes, [helper.make_tensor_value_info("y", dtype, [rows])])


def first_rows(width: int, kept: int) -> bytes:
    """Return a graph that scores the first rows of a batch only: every score 0.5."""
    zero = numpy_helper.from_array(np.zeros((width,), dtype=np.float32), "w")
    parts = [numpy_helper.from_array(np.array([value]), name) for name, value in (("from", 0), ("to", kept))]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["score"]),
        helper.make_node("Slice", ["score", "from", "to"], ["y"]),
    ]
    takes = [helper.make_tensor_value_info("x", FLOAT, [None, width])]
    return _model(nodes, takes, [helper.make_tensor_value_info("y", FLOAT, [None])], [zero, *parts])


def _model(
    nodes: Sequence[NodeProto],
    takes: Sequence[ValueInfoProto],
    gives: Sequence[ValueInfoProto],
    weights: Sequence[TensorProto] = (),
) -> bytes:
    graph = helper.make_graph(nodes, "test", takes, gives, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    raw: bytes = model.SerializeToString()
    return raw

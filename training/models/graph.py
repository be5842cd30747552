"""Build an ONNX graph, call by call: each call adds nodes and returns the name of their output."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike
from onnx import TensorProto, helper, numpy_helper

#: The versions are pinned, so that a newer onnx package does not write bundles that an older serving runtime rejects.
OPSET = 17
ML_OPSET = 3
IR_VERSION = 9
ML_DOMAIN = "ai.onnx.ml"
#: Names of the graph's input, float32 (n, n_features), and its output, float32 (n,).
FEATURES = "features"
SCORE = "score"


class GraphWriter:
    """Collects nodes and constants under unique names, so that several models can share one graph."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, op: str, *inputs: str, output: str = "", domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and return the name of the output: `output` if given, else a new name."""
        name = output or f"{op}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, list(inputs), [name], domain=domain, **attributes))
        return name

    def constant(self, values: ArrayLike, dtype: DTypeLike = np.float64) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def double(self, name: str) -> str:
        """Add a cast to double, since a float32 logarithm or product depends on the row's position in the batch."""
        return self.add("Cast", name, to=TensorProto.DOUBLE)

    def inline(self, model: onnx.ModelProto, source: str) -> str:
        """Add the whole graph of a model with one input and one output, and return the name of its output.

        Args:
            model: Model whose nodes and constants are copied.
            source: Name of the tensor in this graph that replaces the model's input.
        """
        renamed = {"": "", model.graph.input[0].name: source}
        for constant in model.graph.initializer:
            copy = onnx.TensorProto()
            copy.CopyFrom(constant)
            copy.name = renamed[constant.name] = f"constant_{len(self._constants)}"
            self._constants.append(copy)
        for node in model.graph.node:
            at = len(self._nodes)
            renamed |= {name: f"{node.op_type}_{at}_{i}" for i, name in enumerate(node.output) if name}
            copied = onnx.NodeProto()
            copied.CopyFrom(node)
            copied.name = ""
            copied.input[:] = [renamed[name] for name in node.input]
            copied.output[:] = [renamed[name] for name in node.output]
            self._nodes.append(copied)
        return renamed[model.graph.output[0].name]

    def model(self, n_features: int) -> onnx.ModelProto:
        """Check and return the graph. One of its nodes must have the output `SCORE`."""
        graph = helper.make_graph(
            self._nodes,
            "fraud",
            [helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, [None, n_features])],
            [helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, [None])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML_DOMAIN, ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model

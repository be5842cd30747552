"""From a fitted tree model and its calibration to one ONNX graph, and the proof that both score alike."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from schemas.errors import QualityError
from schemas.messages import Policy
from stream.scoring.policy import severities
from training.models.calibrate import EPSILON, Calibration
from training.models.trees import TreeTable

#: Pinned, so that a newer onnx at training does not make bundles that an older serving runtime refuses.
OPSET = 17
ML_OPSET = 3
IR_VERSION = 9
#: Largest difference between the graph and the original on the whole test part.
TOLERANCE = 1e-5


def to_onnx(trees: TreeTable, calibration: Calibration, n_features: int) -> onnx.ModelProto:
    """Make a graph with one input, float32 (n, n_features), and one output, float32 (n,): the calibrated score.

    The calibration is part of the graph, so a bundle needs nothing but ONNX Runtime.
    """
    # Calibration runs in double: ONNX Runtime's float32 logarithm differs in the last digit between a full vector and
    # a batch's tail, so a score would depend on its neighbours. Rounded from double, it does not.
    constants = {"slope": calibration.slope, "offset": calibration.offset}
    nodes = [
        _ensemble(trees),
        helper.make_node("Reshape", ["column", "flat"], ["float_margin"]),
        helper.make_node("Cast", ["float_margin"], ["margin"], to=TensorProto.DOUBLE),
    ]
    log_odds = "margin"
    if calibration.margin_kind == "probability":
        constants |= {"low": EPSILON, "high": 1 - EPSILON, "one": 1.0}
        nodes += [
            helper.make_node("Clip", ["margin", "low", "high"], ["clipped"]),
            helper.make_node("Sub", ["one", "clipped"], ["complement"]),
            helper.make_node("Div", ["clipped", "complement"], ["odds"]),
            helper.make_node("Log", ["odds"], ["log_odds"]),
        ]
        log_odds = "log_odds"
    nodes += [
        helper.make_node("Mul", [log_odds, "slope"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["calibrated"]),
        helper.make_node("Sigmoid", ["calibrated"], ["double_score"]),
        helper.make_node("Cast", ["double_score"], ["score"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "fraud",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, n_features])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None])],
        [
            *(helper.make_tensor(name, TensorProto.DOUBLE, [], [value]) for name, value in constants.items()),
            helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
        ],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def check_parity(scores: NDArray[np.float32], original: NDArray[np.float64], policy: Policy) -> float:
    """Return the largest difference between the graph's scores and the original's.

    Raises:
        QualityError: If it is above `TOLERANCE`, or one verdict differs.
    """
    worst = float(np.max(np.abs(scores - original)))
    if not worst <= TOLERANCE:  # also true for NaN
        raise QualityError(f"the ONNX graph differs from the original by {worst:.3g}, {TOLERANCE} is allowed")
    exact = np.searchsorted([policy.review, policy.decline], original, side="right")
    amounts = np.zeros(len(scores), dtype=np.int64)  # say nothing under a policy by score
    if flips := int(np.sum(severities(scores, policy, amounts) != exact)):
        raise QualityError(f"the ONNX graph flips {flips} of {len(scores)} verdicts of the original")
    return worst


def _ensemble(trees: TreeTable) -> onnx.NodeProto:
    leaves = [i for i, mode in enumerate(trees.mode) if mode == "LEAF"]
    return helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["column"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[trees.base],
        nodes_treeids=trees.tree,
        nodes_nodeids=trees.node,
        nodes_modes=trees.mode,
        nodes_featureids=trees.feature,
        nodes_values=trees.threshold,
        nodes_truenodeids=trees.true_child,
        nodes_falsenodeids=trees.false_child,
        target_treeids=[trees.tree[i] for i in leaves],
        target_nodeids=[trees.node[i] for i in leaves],
        target_ids=[0] * len(leaves),
        target_weights=[trees.value[i] for i in leaves],
    )

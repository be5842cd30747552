"""Tree ensembles as one flat table, read exactly from LightGBM, XGBoost and scikit-learn.

The converters in onnxmltools round LightGBM's double thresholds to the nearest float32, which may be the
threshold's other side, and give probabilities where calibration wants margins. Read directly, every row takes the
same path as in the original, and the graph is a plain sum of leaves, which ONNX Runtime runs fastest.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from lightgbm import Booster
from sklearn.ensemble import ExtraTreesClassifier
from xgboost import XGBClassifier

Mode = Literal["LEAF", "BRANCH_LEQ", "BRANCH_LT"]


@dataclass
class TreeTable:
    """An ensemble whose margin is `base` plus the values of the leaves that a row reaches, one in each tree.

    The lists have one entry a node. Nodes of a tree are numbered from 0, its root, which comes first: ONNX Runtime
    takes the first node of a tree for its root, whatever its number.
    """

    base: float = 0.0
    tree: list[int] = field(default_factory=list)
    node: list[int] = field(default_factory=list)
    mode: list[Mode] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    #: Threshold of a branch, exactly representable as float32; 0 for a leaf.
    threshold: list[float] = field(default_factory=list)
    #: Child where the comparison holds, child where not; 0 for a leaf.
    true_child: list[int] = field(default_factory=list)
    false_child: list[int] = field(default_factory=list)
    #: Value of a leaf; 0 for a branch.
    value: list[float] = field(default_factory=list)

    def add_leaf(self, *, tree: int, node: int, value: float) -> None:
        """Add a leaf."""
        self._add(tree=tree, node=node, value=value)

    def add_branch(
        self, *, tree: int, node: int, mode: Mode, feature: int, threshold: float, children: tuple[int, int]
    ) -> None:
        """Add a branch; children are the nodes for a comparison that holds and one that does not."""
        self._add(tree=tree, node=node, mode=mode, feature=feature, threshold=threshold, children=children)

    def _add(
        self,
        *,
        tree: int,
        node: int,
        mode: Mode = "LEAF",
        feature: int = 0,
        threshold: float = 0.0,
        children: tuple[int, int] = (0, 0),
        value: float = 0.0,
    ) -> None:
        self.tree.append(tree)
        self.node.append(node)
        self.mode.append(mode)
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.true_child.append(children[0])
        self.false_child.append(children[1])
        self.value.append(float(value))  # JSON writes 0.0 as 0, which ONNX would take for an integer list


def read_lightgbm(booster: Booster) -> TreeTable:
    """Read a binary LightGBM booster; its margin is the raw score."""
    table = TreeTable()
    for index, tree in enumerate(booster.dump_model()["tree_info"]):
        _add_lightgbm(table, index, tree["num_leaves"], tree["tree_structure"])
    return table


def read_xgboost(model: XGBClassifier) -> TreeTable:
    """Read an XGBoost classifier; its margin is the log odds."""
    booster = model.get_booster()
    learner = json.loads(booster.save_config())["learner"]["learner_model_param"]
    prior = float(learner["base_score"].strip("[]"))
    table = TreeTable(base=float(np.log(prior / (1 - prior))))
    for index, text in enumerate(booster.get_dump(dump_format="json")):
        _add_xgboost(table, index, json.loads(text))
    return table


def read_extra_trees(model: ExtraTreesClassifier) -> TreeTable:
    """Read a scikit-learn forest; its margin is P(fraud), the mean over its trees."""
    table = TreeTable()
    for index, estimator in enumerate(model.estimators_):
        tree = estimator.tree_
        nodes = zip(
            tree.children_left.tolist(),
            tree.children_right.tolist(),
            tree.feature.tolist(),
            tree.threshold.tolist(),
            tree.value[:, 0, 1].tolist(),
            strict=True,
        )
        for node, (left, right, feature, threshold, value) in enumerate(nodes):
            if left < 0:
                table.add_leaf(tree=index, node=node, value=value / len(model.estimators_))
                continue
            table.add_branch(
                tree=index,
                node=node,
                mode="BRANCH_LEQ",
                feature=feature,
                threshold=_round_down(threshold),
                children=(left, right),
            )
    return table


def _add_lightgbm(table: TreeTable, tree: int, leaves: int, structure: dict[str, Any]) -> None:
    node = _lightgbm_node(structure, leaves)
    if "split_feature" not in structure:
        table.add_leaf(tree=tree, node=node, value=structure["leaf_value"])
        return
    left, right = structure["left_child"], structure["right_child"]
    table.add_branch(
        tree=tree,
        node=node,
        mode="BRANCH_LEQ",
        feature=structure["split_feature"],
        threshold=_round_down(structure["threshold"]),
        children=(_lightgbm_node(left, leaves), _lightgbm_node(right, leaves)),
    )
    for child in (left, right):
        _add_lightgbm(table, tree, leaves, child)


def _add_xgboost(table: TreeTable, tree: int, structure: dict[str, Any]) -> None:
    node = structure["nodeid"]
    if "leaf" in structure:
        table.add_leaf(tree=tree, node=node, value=structure["leaf"])
        return
    table.add_branch(
        tree=tree,
        node=node,
        mode="BRANCH_LT",
        feature=int(structure["split"].removeprefix("f")),
        # A float32 by its shortest decimal name, which as a double may be on its other side.
        threshold=float(np.float32(structure["split_condition"])),
        children=(structure["yes"], structure["no"]),
    )
    for child in structure["children"]:
        _add_xgboost(table, tree, child)


def _lightgbm_node(structure: dict[str, Any], leaves: int) -> int:
    # LightGBM numbers branches and leaves apart: branches first here. A tree that is one leaf has no number at all.
    branch: int | None = structure.get("split_index")
    return leaves - 1 + int(structure.get("leaf_index", 0)) if branch is None else branch


def _round_down(threshold: float) -> float:
    """Return the largest float32 ≤ threshold: for every float32 x, x ≤ it exactly when x ≤ threshold.

    >>> _round_down(0.1) <= 0.1, _round_down(0.5)
    (True, 0.5)
    """
    nearest = np.float32(threshold)
    return float(nearest if float(nearest) <= threshold else np.nextafter(nearest, np.float32(-np.inf)))

"""Read tree tables exactly from LightGBM, XGBoost and scikit-learn's forests.

The usual converters round LightGBM's double thresholds to the nearest float32, which may be on the other side of the
threshold, and return probabilities, whereas calibration needs margins. With tables read directly, every row takes the
same path as in the original, even with missing values, and the graph is a plain sum of leaves, which ONNX Runtime
evaluates fastest.
"""

import json
from typing import Any

import numpy as np
from lightgbm import Booster
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from xgboost import XGBClassifier

from training.models.trees import TreeTable


def read_lightgbm(booster: Booster) -> TreeTable:
    """Read a binary LightGBM booster up to its best round. Its margin is the raw score."""
    table = TreeTable()
    for index, tree in enumerate(booster.dump_model()["tree_info"]):
        _add_lightgbm(table, index, tree["num_leaves"], tree["tree_structure"])
    return table


def read_xgboost(model: XGBClassifier, rounds: int) -> TreeTable:
    """Read the first rounds of an XGBoost classifier. Its margin is the log odds."""
    booster = model.get_booster()
    learner = json.loads(booster.save_config())["learner"]["learner_model_param"]
    prior = float(learner["base_score"].strip("[]"))
    table = TreeTable(base=float(np.log(prior / (1 - prior))))
    for index, text in enumerate(booster[:rounds].get_dump(dump_format="json")):
        _add_xgboost(table, index, json.loads(text))
    return table


def read_forest(model: RandomForestClassifier | ExtraTreesClassifier) -> TreeTable:
    """Read a scikit-learn forest, whose margin is P(fraud), the mean over its trees."""
    table = TreeTable()
    for index, estimator in enumerate(model.estimators_):
        tree = estimator.tree_
        nodes = zip(
            tree.children_left.tolist(),
            tree.children_right.tolist(),
            tree.feature.tolist(),
            tree.threshold.tolist(),
            tree.missing_go_to_left.tolist(),
            (tree.value[:, 0] / len(model.estimators_)).tolist(),
            strict=True,
        )
        for node, (left, right, feature, threshold, missing_left, (legitimate, fraud)) in enumerate(nodes):
            if left < 0:
                table.add_leaf(tree=index, node=node, value=fraud, complement=legitimate)
                continue
            table.add_branch(
                tree=index,
                node=node,
                mode="BRANCH_LEQ",
                feature=feature,
                threshold=round_down(threshold),
                children=(left, right),
                missing_true=bool(missing_left),
            )
    return table


def _add_lightgbm(table: TreeTable, tree: int, leaves: int, structure: dict[str, Any]) -> None:
    node = _lightgbm_node(structure, leaves)
    if "split_feature" not in structure:
        table.add_leaf(tree=tree, node=node, value=structure["leaf_value"])
        return
    left, right = structure["left_child"], structure["right_child"]
    threshold = round_down(structure["threshold"])
    table.add_branch(
        tree=tree,
        node=node,
        mode="BRANCH_LEQ",
        feature=structure["split_feature"],
        threshold=threshold,
        children=(_lightgbm_node(left, leaves), _lightgbm_node(right, leaves)),
        # If no value was missing during training, LightGBM treats a missing value as 0.
        missing_true=structure["default_left"] if structure["missing_type"] == "NaN" else threshold >= 0,
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
        # The dump contains the shortest decimal form of a float32. Read as a double, it may be slightly above or below.
        threshold=float(np.float32(structure["split_condition"])),
        children=(structure["yes"], structure["no"]),
        missing_true=structure["missing"] == structure["yes"],
    )
    for child in structure["children"]:
        _add_xgboost(table, tree, child)


def _lightgbm_node(structure: dict[str, Any], leaves: int) -> int:
    # LightGBM numbers branches and leaves separately; here branches come first. A tree of a single leaf has no number.
    branch: int | None = structure.get("split_index")
    return leaves - 1 + int(structure.get("leaf_index", 0)) if branch is None else branch


def round_down(threshold: float) -> float:
    """Return the largest finite float32 ≤ threshold: a finite float32 x is ≤ the result exactly if x ≤ threshold.

    >>> round_down(0.1) <= 0.1, round_down(0.5)
    (True, 0.5)
    """
    with np.errstate(over="ignore"):  # LightGBM splits missing from present values at the largest double
        nearest = np.float32(threshold)
    return float(nearest if float(nearest) <= threshold else np.nextafter(nearest, np.float32(-np.inf)))

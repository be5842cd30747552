"""Tree ensembles as one flat table, and the table as one ONNX node."""

from dataclasses import dataclass, field
from typing import Literal

from training.models.graph import FEATURES, ML_DOMAIN, GraphWriter

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
    #: Whether a missing value goes where the comparison holds.
    missing_true: list[bool] = field(default_factory=list)
    #: Value of a leaf; 0 for a branch.
    value: list[float] = field(default_factory=list)

    def add_leaf(self, *, tree: int, node: int, value: float) -> None:
        """Add a leaf."""
        self._add(tree=tree, node=node, value=value)

    def add_branch(
        self,
        *,
        tree: int,
        node: int,
        mode: Mode,
        feature: int,
        threshold: float,
        children: tuple[int, int],
        missing_true: bool,
    ) -> None:
        """Add a branch; children are the nodes for a comparison that holds and one that does not."""
        self._add(
            tree=tree,
            node=node,
            mode=mode,
            feature=feature,
            threshold=threshold,
            children=children,
            missing_true=missing_true,
        )

    def write(self, graph: GraphWriter) -> str:
        """Write the ensemble and return the name of its margin, double (n,)."""
        leaves = [i for i, mode in enumerate(self.mode) if mode == "LEAF"]
        column = graph.add(
            "TreeEnsembleRegressor",
            FEATURES,
            domain=ML_DOMAIN,
            n_targets=1,
            base_values=[self.base],
            nodes_treeids=self.tree,
            nodes_nodeids=self.node,
            nodes_modes=self.mode,
            nodes_featureids=self.feature,
            nodes_values=self.threshold,
            nodes_truenodeids=self.true_child,
            nodes_falsenodeids=self.false_child,
            nodes_missing_value_tracks_true=[int(missing) for missing in self.missing_true],
            target_treeids=[self.tree[i] for i in leaves],
            target_nodeids=[self.node[i] for i in leaves],
            target_ids=[0] * len(leaves),
            target_weights=[self.value[i] for i in leaves],
        )
        return graph.double(graph.add("Reshape", column, graph.constant([-1], "int64")))

    def _add(
        self,
        *,
        tree: int,
        node: int,
        mode: Mode = "LEAF",
        feature: int = 0,
        threshold: float = 0.0,
        children: tuple[int, int] = (0, 0),
        missing_true: bool = False,
        value: float = 0.0,
    ) -> None:
        self.tree.append(tree)
        self.node.append(node)
        self.mode.append(mode)
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.true_child.append(children[0])
        self.false_child.append(children[1])
        self.missing_true.append(missing_true)
        self.value.append(float(value))  # JSON writes 0.0 as 0, which ONNX would take for an integer list

"""Represent tree ensembles as one flat table, and the table as one ONNX node."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from training.models.graph import FEATURES, ML_DOMAIN, GraphWriter

NodeMode = Literal["LEAF", "BRANCH_LEQ", "BRANCH_LT"]


@dataclass
class TreeTable:
    """A tree ensemble. A row's margin is `base` plus the values of the leaves that the row reaches, one in each tree.

    The lists have one entry per node. The nodes of a tree are numbered from 0, the root, which comes first: ONNX
    Runtime treats the first node of a tree as its root, whatever its number.
    """

    base: float = 0.0
    tree: list[int] = field(default_factory=list)
    node: list[int] = field(default_factory=list)
    mode: list[NodeMode] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    #: Threshold of a branch, exactly representable as float32; 0 for a leaf.
    threshold: list[float] = field(default_factory=list)
    #: Child to visit if the comparison is true, and child to visit if it is false; 0 for a leaf.
    true_child: list[int] = field(default_factory=list)
    false_child: list[int] = field(default_factory=list)
    #: True if a missing value counts as a true comparison.
    missing_true: list[bool] = field(default_factory=list)
    #: Value of a leaf; 0 for a branch.
    value: list[float] = field(default_factory=list)
    #: Probability of the other class in the leaf if values are probabilities, else 0.
    complement: list[float] = field(default_factory=list)

    def add_leaf(self, *, tree: int, node: int, value: float, complement: float = 0.0) -> None:
        """Add a leaf."""
        self._add(tree=tree, node=node, value=value, complement=complement)

    def add_branch(
        self,
        *,
        tree: int,
        node: int,
        mode: NodeMode,
        feature: int,
        threshold: float,
        children: tuple[int, int],
        missing_true: bool,
    ) -> None:
        """Add a branch. `children` are the nodes to visit if the comparison is true and if it is false."""
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
        """Add the ensemble to the graph and return the name of its margin, double (n,)."""
        column = self._write(graph, [self.value], [self.base])
        return graph.double(graph.add("Reshape", column, graph.constant([-1], "int64")))

    def write_log_odds(self, graph: GraphWriter, epsilon: float) -> str:
        """Add an ensemble of probabilities to the graph and return the name of its log odds, double (n,).

        The probabilities of both classes are summed, because computing 1 - p from a float32 sum p would lose the digits
        that distinguish scores near 1.

        Args:
            graph: Graph to add the nodes to.
            epsilon: Distance from 0 and 1 to which probabilities are clipped.
        """
        sums = graph.double(self._write(graph, [self.value, self.complement], [0.0, 0.0]))
        logs = graph.add("Log", graph.add("Clip", sums, graph.constant(epsilon), graph.constant(1 - epsilon)))
        fraud, legitimate = (graph.add("Gather", logs, graph.constant(at, "int64"), axis=1) for at in (0, 1))
        return graph.add("Sub", fraud, legitimate)

    def _write(self, graph: GraphWriter, targets: Sequence[Sequence[float]], bases: Sequence[float]) -> str:
        """Add the ensemble to the graph and return the name of its sums, float32 (n, targets)."""
        leaves = [i for i, mode in enumerate(self.mode) if mode == "LEAF"]
        weights = [(self.tree[i], self.node[i], at, each[i]) for i in leaves for at, each in enumerate(targets)]
        trees, nodes, ids, values = (list(column) for column in zip(*weights, strict=True))
        return graph.add(
            "TreeEnsembleRegressor",
            FEATURES,
            domain=ML_DOMAIN,
            n_targets=len(targets),
            base_values=list(bases),
            nodes_treeids=self.tree,
            nodes_nodeids=self.node,
            nodes_modes=self.mode,
            nodes_featureids=self.feature,
            nodes_values=self.threshold,
            nodes_truenodeids=self.true_child,
            nodes_falsenodeids=self.false_child,
            nodes_missing_value_tracks_true=[int(missing) for missing in self.missing_true],
            target_treeids=trees,
            target_nodeids=nodes,
            target_ids=ids,
            target_weights=values,
        )

    def _add(
        self,
        *,
        tree: int,
        node: int,
        mode: NodeMode = "LEAF",
        feature: int = 0,
        threshold: float = 0.0,
        children: tuple[int, int] = (0, 0),
        missing_true: bool = False,
        value: float = 0.0,
        complement: float = 0.0,
    ) -> None:
        self.tree.append(tree)
        self.node.append(node)
        self.mode.append(mode)
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.true_child.append(children[0])
        self.false_child.append(children[1])
        self.missing_true.append(missing_true)
        self.value.append(float(value))  # the dump has 0.0 as 0, which ONNX would read as a list of integers
        self.complement.append(float(complement))

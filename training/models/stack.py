"""Stack models with a logistic regression on their log odds (D. Wolpert, "Stacked generalization", 1992)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from stream.scoring.features import Matrix
from training.models.fitted import FittedModel, Labels, Weights, margin_log_odds
from training.models.graph import GraphWriter
from training.models.odds import DOUBLE_EPSILON, log_odds
from training.models.sklearn_graph import write_sklearn_log_odds

ALGORITHM = "stack"


def fit_stack(
    members: Sequence[FittedModel],
    out_of_fold: NDArray[np.float64],
    labels: Labels,
    *,
    seed: int,
    sample_weight: Weights | None = None,
) -> FittedModel:
    """Fit the logistic regression that combines the members.

    Args:
        members: Models fitted on all rows available for fitting.
        out_of_fold: Margins (n, members). A member's column comes from models with the same family and hyperparameters,
            on rows that they were not fitted on: on its training rows, an overconfident member would get too much
            weight.
        labels: Labels (n,) of the same rows.
        seed: Seed of the regression.
        sample_weight: Weights (n,) of the rows; None for equal weights.

    Returns:
        Model that evaluates all members in one graph.
    """
    kinds = [member.margin_kind for member in members]
    columns = [margin_log_odds(out_of_fold[:, i], kind) for i, kind in enumerate(kinds)]
    regression = LogisticRegression(random_state=seed).fit(np.column_stack(columns), labels, sample_weight)

    def margin(matrix: Matrix) -> NDArray[np.float64]:
        columns = [margin_log_odds(member.margin(matrix), member.margin_kind) for member in members]
        return log_odds(regression.predict_proba(np.column_stack(columns))[:, 1], DOUBLE_EPSILON)

    def write(graph: GraphWriter) -> str:
        last = graph.constant([1], "int64")
        columns = [graph.add("Unsqueeze", member.write_log_odds(graph), last) for member in members]
        matrix = graph.add("Concat", *columns, axis=1)
        return write_sklearn_log_odds(graph, regression, matrix, len(members))

    return FittedModel("log_odds", margin, write)

"""Calibrate a fitted model, export it to ONNX, check the export, choose operating points, and measure the metrics."""

from dataclasses import dataclass

import numpy as np
import onnx

from schemas.manifest import Metric
from schemas.messages import Policy
from stream.models.onnx_session import OnnxModel
from training.bundling.export import open_session, to_onnx
from training.bundling.parity import check_parity
from training.data.training_data import PreparedData
from training.evaluation.costs import Costs
from training.evaluation.figures import FigureSettings
from training.evaluation.operating_points import choose_comparison
from training.evaluation.policy_choice import PolicyChoice
from training.evaluation.scored_rows import ScoredRows
from training.models.calibrate import Calibration, fit_calibration
from training.models.fitted import FittedModel
from training.registry.card_figures import CardFigures, measure_card_figures

#: Suffix of metrics measured on the validation split, for models that are not evaluated on the test set.
_ON_VALIDATION = "_validation"


@dataclass(frozen=True)
class EvaluatedModel:
    """A calibrated model as an ONNX graph that scores like the original, with its operating points.

    All metrics are measured on the scores of the graph.
    """

    algorithm: str
    graph: onnx.ModelProto
    session: OnnxModel
    calibration: Calibration
    #: The policy to deploy, chosen on the validation split.
    policy: Policy
    #: Policy that reviews from the threshold with the largest expected F1. It serves to compare models and is never
    #: deployed.
    comparison: Policy
    #: Scores of the graph on the validation split.
    validation_scores: ScoredRows
    #: Largest difference between the scores of the ONNX graph and the original on the validation split and the test
    #: set.
    parity: float

    @property
    def export_metrics(self) -> dict[str, float]:
        """Metrics about calibration, export and thresholds, to be logged to the run."""
        return {
            "onnx_parity": self.parity,
            "onnx_bytes": float(self.graph.ByteSize()),
            "calibration_slope": self.calibration.slope,
            "calibration_offset": self.calibration.offset,
            "threshold_review": self.policy.review,
            "threshold_decline": self.policy.decline,
            "threshold_comparison": self.comparison.review,
        }


def calibrate_and_export(
    algorithm: str, fitted: FittedModel, data: PreparedData, choice: PolicyChoice
) -> EvaluatedModel:
    """Calibrate and export a fitted model, and choose its operating points.

    Args:
        algorithm: Model family. The versions of the policies begin with its name.
        fitted: Model fitted on the training split.
        data: Splits of the data. The labels of the test set are not used.
        choice: Rule that chooses the deployed policy.

    Raises:
        QualityError: If the scores of the ONNX graph and the original differ.
        DataError: If the validation split has only one class or is too short for the alert budget.
    """
    matrix = data.validation.matrix(data.plan)
    margin = fitted.margin(matrix)
    calibration = fit_calibration(margin, data.validation.label, fitted.margin_kind)
    graph = to_onnx(fitted, calibration, data.training_data.features)
    session = open_session(graph)
    validation = ScoredRows.of(session.score(matrix), data.validation)
    policy = choice.choose(validation, algorithm)
    comparison = choose_comparison(validation, f"{algorithm}-f1")
    # Parity is checked on the rows that the thresholds were chosen on, and on the test rows, which are new to model and
    # policy; the check needs no labels.
    test = data.unlabelled_test
    parity = check_parity(
        np.concatenate([validation.scores, session.score(test.matrix)]),
        calibration.apply(np.concatenate([margin, fitted.margin(test.matrix)])),
        policy,
        np.concatenate([validation.amount_minor, test.amount_minor]),
    )
    return EvaluatedModel(algorithm, graph, session, calibration, policy, comparison, validation, parity)


def measure_on_validation(model: EvaluatedModel, costs: Costs) -> tuple[CardFigures, dict[str, Metric]]:
    """Measure a model on the validation split.

    Returns:
        The metrics for the model card, and all metrics under names that end in `_validation`.
    """
    card = measure_card_figures(
        "validation", model.validation_scores, model.policy, model.comparison, FigureSettings(costs=costs)
    )
    return card, {f"{name}{_ON_VALIDATION}": metric for name, metric in card.metrics.items()}

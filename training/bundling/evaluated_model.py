"""The model that is evaluated: calibrated, exported to ONNX, compared with the original, with its operating points."""

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

#: Ends the name of a figure that was measured on the validation part, where the test set is not evaluated.
_ON_VALIDATION = "_validation"


@dataclass(frozen=True)
class EvaluatedModel:
    """A model whose ONNX graph scores like the original, with its operating points. Figures are measured on it."""

    algorithm: str
    graph: onnx.ModelProto
    session: OnnxModel
    calibration: Calibration
    #: The policy to deploy, chosen on the validation part.
    policy: Policy
    #: Review from the largest expected F1 on: for comparisons between models, never deployed.
    comparison: Policy
    #: The graph's scores of the validation part.
    validation_scores: ScoredRows
    #: Largest difference between ONNX and the original on the validation and the test part.
    parity: float

    @property
    def export_metrics(self) -> dict[str, float]:
        """Metrics of the run about calibration, export and thresholds."""
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
        algorithm: Model family; the policies' versions begin with it.
        fitted: Model fitted on the training part.
        data: Parts of the split. The labels of the test part are not used.
        choice: Rule that chooses the deployed policy.

    Raises:
        QualityError: If ONNX and the original differ.
        DataError: If the validation part has one class only, or is too short for the budget of alerts.
    """
    matrix = data.validation.matrix(data.plan)
    margin = fitted.margin(matrix)
    calibration = fit_calibration(margin, data.validation.label, fitted.margin_kind)
    graph = to_onnx(fitted, calibration, data.training_data.features)
    session = open_session(graph)
    validation = ScoredRows.of(session.score(matrix), data.validation)
    policy = choice.choose(validation, algorithm)
    comparison = choose_comparison(validation, f"{algorithm}-f1")
    # On rows that the thresholds were chosen on, and on rows that are new to model and policy, which needs no labels.
    test = data.unlabelled_test
    parity = check_parity(
        np.concatenate([validation.scores, session.score(test.matrix)]),
        calibration.apply(np.concatenate([margin, fitted.margin(test.matrix)])),
        policy,
        np.concatenate([validation.amount_minor, test.amount_minor]),
    )
    return EvaluatedModel(algorithm, graph, session, calibration, policy, comparison, validation, parity)


def measure_on_validation(model: EvaluatedModel, costs: Costs) -> tuple[CardFigures, dict[str, Metric]]:
    """Measure a model on the validation part.

    Returns:
        The figures of its card, and its metrics under names that end in `_validation`.
    """
    card = measure_card_figures(
        "validation", model.validation_scores, model.policy, model.comparison, FigureSettings(costs=costs)
    )
    return card, {f"{name}{_ON_VALIDATION}": metric for name, metric in card.metrics.items()}

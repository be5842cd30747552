"""A fitted model becomes a bundle: calibrated, exported, held to the original, given its thresholds."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from schemas.errors import DataError
from schemas.manifest import Manifest, Metric, TrainingWindow
from schemas.messages import Policy
from stream.models.onnx_session import OnnxModel
from stream.scoring.features import FeaturePlan, Matrix
from training.bundling.export import check_parity, open_session, to_onnx
from training.bundling.natural_movement import with_natural_movement
from training.bundling.reference_profile import choose_parity_rows, count_verdicts, profile_features, profile_scores
from training.bundling.write_bundle import UNREGISTERED, write_bundle
from training.data.dataset import Dataset
from training.data.training_data import PreparedParts
from training.drift.counting import accepted
from training.evaluation.costs import Costs
from training.evaluation.operating_points import PolicyKind, choose_by_cost, choose_comparison
from training.evaluation.scored_rows import ScoredRows
from training.models.calibrate import Calibration, fit_calibration
from training.models.fitted import FittedModel
from training.registry.versions import REGISTERED_MODEL


@dataclass(frozen=True)
class Finished:
    """A model that scores alike in ONNX and in the original, with its operating points."""

    algorithm: str
    onnx: onnx.ModelProto
    session: OnnxModel
    calibration: Calibration
    #: Deployed: the cheapest on validation.
    policy: Policy
    #: Largest expected F1 on validation: for comparisons, never deployed.
    comparison: Policy
    #: What the graph says of the validation part.
    validation: ScoredRows
    #: Largest difference between ONNX and the original on the validation and the test part.
    parity: float

    @property
    def figures(self) -> dict[str, float]:
        """What is logged with the run, beside its metrics."""
        return {
            "onnx_parity": self.parity,
            "onnx_bytes": float(self.onnx.ByteSize()),
            "calibration_slope": self.calibration.slope,
            "calibration_offset": self.calibration.offset,
            "threshold_review": self.policy.review,
            "threshold_decline": self.policy.decline,
            "threshold_comparison": self.comparison.review,
        }


def finish(algorithm: str, fitted: FittedModel, data: PreparedParts, *, kind: PolicyKind, costs: Costs) -> Finished:
    """Calibrate, export, choose both operating points.

    Args:
        algorithm: Names the policies.
        fitted: On the training part.
        data: The parts. The test part's labels stay sealed.
        kind: Of the deployed policy.
        costs: It is chosen by.

    Raises:
        QualityError: If ONNX and the original differ.
        DataError: If the validation part is all of one class.
    """
    matrix = data.calibration.matrix(data.plan)
    margin = fitted.margin(matrix)
    calibration = fit_calibration(margin, data.calibration.label, fitted.margin_kind)
    graph = to_onnx(fitted, calibration, data.training_data.features)
    session = open_session(graph)
    validation = scored_rows(session.score(matrix), data.calibration)
    policy = choose_by_cost(validation, costs, kind, f"{algorithm}-cost")
    comparison = choose_comparison(validation, f"{algorithm}-f1")
    # On rows the model has never seen, which needs no labels, and on those that the thresholds were chosen among.
    unseen = data.unlabelled
    parity = check_parity(
        np.concatenate([validation.scores, session.score(unseen.matrix)]),
        calibration.apply(np.concatenate([margin, fitted.margin(unseen.matrix)])),
        policy,
        np.concatenate([validation.amount_minor, unseen.amount_minor]),
    )
    return Finished(algorithm, graph, session, calibration, policy, comparison, validation, parity)


def write(finished: Finished, data: PreparedParts, run_id: str, metrics: dict[str, Metric], directory: Path) -> None:
    """Write the bundle, not registered yet.

    Args:
        finished: The model.
        data: It was finished on.
        run_id: Of MLflow.
        metrics: For the manifest.
        directory: To be made.

    Raises:
        BundleError: If the bundle does not pass its audit.
        DataError: If the missing-value policy refuses every row of the training part.
    """
    train, features = data.train, data.training_data.features
    given = as_given(train, data.plan)
    validation = finished.validation
    manifest = Manifest(
        name=REGISTERED_MODEL,
        version=UNREGISTERED,
        algorithm=finished.algorithm,
        mlflow_run_id=run_id,
        created_at_ms=time.time_ns() // 1_000_000,
        features=features,
        missing=data.plan.missing,
        policy=finished.policy,
        training_window=TrainingWindow(
            start_ms=int(train.event_time_ms[0]),
            end_ms=int(data.calibration.event_time_ms[0]),
            rows=len(train),
            frauds=int(train.label.sum()),
            data_sha256=train.sha256,
        ),
        metrics=metrics,
        reference=profile_features(features, given),
        # Of rows the model has not seen: on its own training rows any model is too sure of itself.
        score_reference=profile_scores(validation.scores, finished.policy),
        parity=choose_parity_rows(data.calibration.matrix(data.plan), validation, finished.policy),
        files={},
        verdict_reference=count_verdicts(validation, finished.policy),
    )
    manifest = with_natural_movement(manifest, given, validation.scores)
    write_bundle(directory, finished.onnx, manifest)


def as_given(train: Dataset, plan: FeaturePlan) -> Matrix:
    """Return the training part's rows (k, n_features) as drift counts the stream's: before missing values are filled.

    Rows that the missing-value policy refuses are not among them.

    Raises:
        DataError: If it refuses every row.
    """
    kept = accepted(train, plan)
    if not len(kept):
        raise DataError("every row of the training part has a missing value, which the feature set refuses")
    return kept.given(plan)


def policy_kind(data: Dataset) -> PolicyKind:
    """Return the kind of policy to deploy: expected losses in several currencies can't be compared."""
    return "expected_loss" if len(set(data.currency)) == 1 else "score"


def scored_rows(scores: np.ndarray[tuple[int], np.dtype[np.float32]], rows: Dataset) -> ScoredRows:
    """Put scores (n,) beside what they were given for."""
    return ScoredRows(scores, rows.label, rows.amount_minor, rows.event_time_ms)

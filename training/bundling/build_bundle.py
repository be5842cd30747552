"""Choose the model to deploy and build its bundle."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from schemas.errors import DataError
from schemas.manifest import Feature, Manifest, Metric, TrainingWindow
from schemas.messages import Policy
from stream.scoring.features import FeaturePlan, Matrix
from training.bundling.evaluated_model import EvaluatedModel
from training.bundling.natural_movement import with_natural_movement
from training.bundling.parity import choose_parity_rows
from training.bundling.reference_profile import count_verdicts, profile_features, profile_scores
from training.bundling.write_bundle import UNREGISTERED, write_bundle
from training.data.dataset import Dataset
from training.data.training_data import PreparedData
from training.drift.counting import accepted_rows
from training.evaluation.scored_rows import ScoredRows
from training.registry.versions import REGISTERED_MODEL


@dataclass(frozen=True)
class DeployedModel:
    """The model that a bundle contains, and the rows from which its manifest's reference profiles are computed."""

    algorithm: str
    graph: onnx.ModelProto
    policy: Policy
    features: tuple[Feature, ...]
    plan: FeaturePlan
    #: Rows that the model was fitted on. They define the training window and the reference of each feature.
    fitted_on: Dataset
    #: Later rows that the model was not fitted on, with its scores. They supply the parity rows and the reference of
    #: scores and verdicts, because a model is overconfident on its own training rows.
    held_out: Dataset
    held_out_scores: ScoredRows


def model_to_deploy(evaluated: EvaluatedModel, data: PreparedData) -> DeployedModel:
    """Return the model to deploy: the evaluated model itself.

    Every bundle is built from this function's result, so a refit on later rows before deployment could be added here.

    Args:
        evaluated: Model on which the metrics were measured.
        data: Splits on which the model was fitted and calibrated.
    """
    return DeployedModel(
        evaluated.algorithm,
        evaluated.graph,
        evaluated.policy,
        data.training_data.features,
        data.plan,
        fitted_on=data.train,
        held_out=data.validation,
        held_out_scores=evaluated.validation_scores,
    )


def build_bundle(model: DeployedModel, run_id: str, metrics: Mapping[str, Metric], directory: Path) -> None:
    """Write the bundle of a model that has no registry version yet.

    Args:
        model: Model to deploy.
        run_id: Id of the MLflow run that will contain the bundle.
        metrics: Metrics to write into the manifest.
        directory: Directory to create.

    Raises:
        BundleError: If the bundle does not pass its audit.
        DataError: If the missing-value policy rejects every row of the training split.
    """
    train, scores = model.fitted_on, model.held_out_scores
    raw = accepted_raw_features(train, model.plan)
    manifest = Manifest(
        name=REGISTERED_MODEL,
        version=UNREGISTERED,
        algorithm=model.algorithm,
        mlflow_run_id=run_id,
        created_at_ms=time.time_ns() // 1_000_000,
        features=model.features,
        missing=model.plan.missing,
        policy=model.policy,
        training_window=TrainingWindow(
            start_ms=int(train.event_time_ms[0]),
            end_ms=int(model.held_out.event_time_ms[0]),
            rows=len(train),
            frauds=int(train.label.sum()),
            data_sha256=train.sha256,
        ),
        metrics=dict(metrics),
        reference=profile_features(model.features, raw),
        score_reference=profile_scores(scores.scores, model.policy),
        parity=choose_parity_rows(model.held_out.matrix(model.plan), scores, model.policy),
        files={},
        verdict_reference=count_verdicts(scores, model.policy),
    )
    manifest = with_natural_movement(manifest, raw, scores.scores)
    write_bundle(directory, model.graph, manifest)


def accepted_raw_features(train: Dataset, plan: FeaturePlan) -> Matrix:
    """Return the raw features (k, n_features) of the training split, from which the reference profiles are made.

    Missing values are NaN, and rows that the missing-value policy rejects are left out, as in drift detection.

    Raises:
        DataError: If the missing-value policy rejects every row.
    """
    kept = accepted_rows(train, plan)
    if not len(kept):
        raise DataError("every row of the training split has a missing value, which the feature set rejects")
    return kept.raw_features(plan)

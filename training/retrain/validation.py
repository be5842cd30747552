"""Validate a retrained model before it becomes a challenger."""

import hashlib
import tempfile
from pathlib import Path

from schemas.errors import QualityError
from schemas.manifest import MANIFEST_NAME
from stream.drift.alarm_rule import drift_limits
from stream.models.bundle import LoadedModel
from stream.settings import Settings
from training.bundling.write_bundle import BUNDLE_ARTIFACT
from training.data.dataset import Dataset
from training.registry.runs import MlflowRuns
from training.validation.card import check_future_card
from training.validation.evidence import Evidence, archive_reader
from training.validation.record import RunEvaluations, record_validation
from training.validation.thresholds import Thresholds
from training.validation.validate import validate


def validate_retrained(
    run_id: str, rows: Dataset, champion: LoadedModel, *, runs: MlflowRuns, settings: Settings, thresholds: Thresholds
) -> None:
    """Validate the bundle in a request's run, and store the report with the run.

    The model is judged on the test set of its own training data: the newest transactions with a known outcome, which
    neither training nor calibration has used.

    Args:
        run_id: Id of the request's run.
        rows: Labelled transactions that the model was trained on, with the test set.
        champion: Champion that the model is to replace.
        runs: Runs in MLflow.
        settings: Settings of the archive and the drift monitor.
        thresholds: Limits of the checks.

    Raises:
        QualityError: If the model does not pass.
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    evidence = Evidence(
        champion,
        rows,
        archive_reader(settings),
        drift_limits(settings.drift, settings.watermark),
        lambda manifest: check_future_card(manifest, run_id, runs, thresholds.card),
        RunEvaluations(runs, run_id),
    )
    with tempfile.TemporaryDirectory(prefix="fraud-validate-") as scratch:
        directory = runs.fetch(run_id, BUNDLE_ARTIFACT, Path(scratch))
        sha256 = hashlib.sha256((directory / MANIFEST_NAME).read_bytes()).hexdigest()
        report = validate(directory, sha256, evidence, thresholds, use="watch", name=f"run {run_id}")
    record_validation(report, run_id, runs)
    if not report.passed:
        raise QualityError(f"the retrained model does not pass its validation: {report.reason}")

"""Record validations in MLflow: the report as files of the model's run, and its result as tags."""

import tempfile
from pathlib import Path

from schemas.errors import RegistryError
from schemas.manifest import Manifest
from training.data.test_set import CountedEvaluation
from training.pages.render import write_page
from training.registry.lineage import VALIDATION, VALIDATION_OVERRIDE
from training.registry.runs import MlflowRuns
from training.validation.report import ValidationReport, encode_report
from training.validation.report_page import validation_page

#: Artifact folder of the report.
FOLDER = "validation"
PAGE, JSON = "validation.html", "validation.json"
#: Tag with the number of validations on the test set of the model's training data.
EVALUATIONS = "validation_evaluations"
#: Largest length of a tag, well below MLflow's limit of 8,000 characters.
_MAX_TAG = 2000


def write_report(report: ValidationReport, page: Path) -> Path:
    """Write a report as an HTML page and as a JSON file beside it, and return the path of the JSON file.

    Raises:
        DataError: If a file cannot be written.
    """
    write_page(validation_page(report), page)
    beside = page.with_suffix(".json")
    write_page(encode_report(report).decode(), beside)
    return beside


def record_validation(report: ValidationReport, run_id: str, runs: MlflowRuns, *, override: str = "") -> None:
    """Store a report in a model's run, with its result as a tag, which registration copies to the version.

    Args:
        report: Report to store.
        run_id: Id of the model's run.
        runs: Runs in MLflow.
        override: Who accepted the model although it does not pass, and why; empty if nobody did.

    Raises:
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / PAGE
        for file in (page, write_report(report, page)):
            runs.add(run_id, file, FOLDER)
    runs.tag(run_id, VALIDATION, "passed" if report.passed else f"failed: {report.reason}"[:_MAX_TAG])
    # Written even if empty, because the run may have the reason of an earlier registration.
    runs.tag(run_id, VALIDATION_OVERRIDE, override[:_MAX_TAG])


class RunEvaluations:
    """Counts validations on a test set as a tag of the run that made the model.

    A bundle whose run is not in this MLflow is validated without being counted.

    Args:
        runs: Runs in MLflow.
        run_id: Id of the model's run; empty for the run in the manifest.
    """

    def __init__(self, runs: MlflowRuns, run_id: str = "") -> None:
        self._runs, self._run_id = runs, run_id

    def count(self, manifest: Manifest) -> int:
        """Return the number of earlier validations of the model on its test set."""
        try:
            return int(self._runs.get(self._run_id or manifest.mlflow_run_id).tags.get(EVALUATIONS, "0"))
        except RegistryError:
            return 0

    def record(self, manifest: Manifest, evaluation: CountedEvaluation) -> None:
        """Record a validation.

        Raises:
            RegistryError: If MLflow has the run but is unavailable or rejects the request.
        """
        run_id = self._run_id or manifest.mlflow_run_id
        try:
            self._runs.get(run_id)
        except RegistryError:
            return
        self._runs.tag(run_id, EVALUATIONS, str(evaluation.number))

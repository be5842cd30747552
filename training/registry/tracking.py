"""MLflow: one run a model, and the registered model `fraud` with its aliases. Only this file talks to MLflow."""

import logging
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param
from mlflow.entities.run import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from schemas.errors import RegistryError
from schemas.manifest import Metric

REGISTERED_MODEL = "fraud"
EXPERIMENT = "fraud-baseline"
BUNDLE_ARTIFACT = "bundle"
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class TrackedRun:
    """One model's MLflow run, open."""

    client: MlflowClient
    run_id: str
    artifact_uri: str

    def log(self, params: Mapping[str, Any], metrics: Mapping[str, Metric], figures: Mapping[str, float]) -> None:
        """Log parameters, metrics with their intervals (`_low`, `_high`) and plain figures, in one call."""
        flat = dict(figures)
        for name, metric in metrics.items():
            flat |= {name: metric.value, f"{name}_low": metric.low, f"{name}_high": metric.high}
        now = time.time_ns() // 1_000_000
        self.client.log_batch(
            self.run_id,
            metrics=[MlflowMetric(name, value, now, 0) for name, value in flat.items()],
            params=[Param(name, str(value)) for name, value in params.items()],
        )

    def log_files(self, directory: Path, artifact_path: str) -> None:
        """Log a directory's files as artifacts."""
        self.client.log_artifacts(self.run_id, str(directory), artifact_path)


class Tracker:
    """MLflow at the URI in MLFLOW_TRACKING_URI, or SQLite under `root`.

    Raises:
        RegistryError: If it cannot be opened.
    """

    def __init__(self, root: Path) -> None:
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)  # tables being made and such
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        artifacts = None  # a server knows its own place
        if not uri:
            root.mkdir(parents=True, exist_ok=True)
            uri = f"sqlite:///{root.resolve() / 'mlflow.db'}"
            artifacts = (root.resolve() / "mlartifacts").as_uri()
        with _clear_errors(uri):
            self._client = MlflowClient(uri, registry_uri=uri)
            experiment = self._client.get_experiment_by_name(EXPERIMENT)
            self._experiment_id = (
                experiment.experiment_id if experiment else self._client.create_experiment(EXPERIMENT, artifacts)
            )
            if not self._client.search_registered_models(f"name = '{REGISTERED_MODEL}'"):
                self._client.create_registered_model(REGISTERED_MODEL)
        self._uri = uri

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        """Open a run; it ends FINISHED, or FAILED when the body raises.

        Raises:
            RegistryError: If MLflow is away or refuses.
        """
        with _clear_errors(self._uri):
            run: Run = self._client.create_run(self._experiment_id, run_name=name, tags=dict(tags))
            try:
                yield TrackedRun(self._client, run.info.run_id, run.info.artifact_uri)
            except BaseException:
                self._client.set_terminated(run.info.run_id, "FAILED")
                raise
            self._client.set_terminated(run.info.run_id, "FINISHED")

    @contextmanager
    def register(self, run: TrackedRun) -> Iterator[str]:
        """Make the run's next version of the registered model and yield its number; undone when the body raises.

        The body logs the bundle as the run's artifact `BUNDLE_ARTIFACT`: its manifest needs the number first.
        """
        with _clear_errors(self._uri):
            source = f"{run.artifact_uri}/{BUNDLE_ARTIFACT}"
            version = str(self._client.create_model_version(REGISTERED_MODEL, source, run.run_id).version)
            try:
                yield version
            except BaseException:
                self._client.delete_model_version(REGISTERED_MODEL, version)
                raise

    def annotate(self, version: str, alias: str, tags: Mapping[str, str]) -> None:
        """Give a version its alias, taking it from an earlier one, and its tags."""
        with _clear_errors(self._uri):
            for key, value in tags.items():
                self._client.set_model_version_tag(REGISTERED_MODEL, version, key, value)
            self._client.set_registered_model_alias(REGISTERED_MODEL, alias, version)


def code_version() -> dict[str, str]:
    """Return the git commit and whether the work tree differs from it, as tags; `unknown` outside a repository."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain")
    dirty = _UNKNOWN if changes is None else str(bool(changes)).lower()
    return {"git_commit": commit or _UNKNOWN, "git_dirty": dirty}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  # nothing of it is input
            ["git", *arguments],  # noqa: S607  # whichever git the user has
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@contextmanager
def _clear_errors(uri: str) -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        text = f"MLflow at {uri}: {str(error).partition(chr(10))[0]}; see MLFLOW_TRACKING_URI"
        # The URI may carry a password, and MLflow repeats it.
        raise RegistryError(re.sub(r"//[^/@\s]*@", "//", text)) from error

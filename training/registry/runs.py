"""Access MLflow runs by id: their data and the files they contain."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mlflow.exceptions import MlflowException

from schemas.errors import RegistryError
from training.registry.connection import MlflowConnection

FINISHED = "FINISHED"


@dataclass(frozen=True)
class RunSnapshot:
    """Snapshot of a run at the time when it was read."""

    run_id: str
    #: Status in MLflow: FINISHED, FAILED, KILLED or RUNNING.
    status: str
    tags: dict[str, str]
    metrics: dict[str, float]
    artifact_uri: str


class MlflowRuns:
    """Reads runs, and adds files and tags to them.

    Every method raises RegistryError when MLflow is unavailable or rejects the request.
    """

    def __init__(self, connection: MlflowConnection) -> None:
        self._mlflow = connection

    def get(self, run_id: str) -> RunSnapshot:
        """Return a run by its id.

        Raises:
            RegistryError: If the run does not exist.
        """
        with self._mlflow.clear_errors():
            try:
                run = self._mlflow.client.get_run(run_id)
            except MlflowException as error:
                if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    raise
                run = None
        if run is None or run.info.lifecycle_stage != "active":
            raise RegistryError(
                f"MLflow has no run {run_id!r}; MLflow's page shows the ids, and `fraud-train study` prints them"
            )
        return RunSnapshot(run_id, run.info.status, run.data.tags, run.data.metrics, run.info.artifact_uri)

    def holds(self, run_id: str, artifact: str) -> bool:
        """Return whether a run contains a file or folder at the given artifact path."""
        path = PurePosixPath(artifact)
        folder = None if path.parent == PurePosixPath() else str(path.parent)
        with self._mlflow.clear_errors():
            return any(each.path == artifact for each in self._mlflow.client.list_artifacts(run_id, folder))

    def fetch(self, run_id: str, artifact: str, into: Path) -> Path:
        """Copy a file or folder from a run's artifacts to a local directory, and return the path of the copy."""
        with self._mlflow.clear_errors():
            return Path(self._mlflow.client.download_artifacts(run_id, artifact, str(into)))

    def add(self, run_id: str, file: Path, folder: str) -> None:
        """Add a file to a run's artifacts, replacing an earlier file of the same name."""
        with self._mlflow.clear_errors():
            self._mlflow.client.log_artifact(run_id, str(file), folder)

    def tag(self, run_id: str, name: str, value: str) -> None:
        """Set a tag of a run, replacing an earlier value."""
        with self._mlflow.clear_errors():
            self._mlflow.client.set_tag(run_id, name, value)

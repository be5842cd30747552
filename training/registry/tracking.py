"""MLflow runs while they are under way: one run a model."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param
from mlflow.entities.run import Run

from schemas.errors import RegistryError
from schemas.manifest import Metric
from training.registry.connection import Connection, connect

EXPERIMENT = "fraud-baseline"
BUNDLE_ARTIFACT = "bundle"


@dataclass(frozen=True)
class TrackedRun:
    """One model's MLflow run, open.

    Every method raises RegistryError when MLflow is away or refuses.
    """

    connection: Connection
    run_id: str

    def log(self, params: Mapping[str, Any], metrics: Mapping[str, Metric], figures: Mapping[str, float]) -> None:
        """Log parameters, metrics with their intervals (`_low`, `_high`) and plain figures, in one call."""
        flat = dict(figures)
        for name, metric in metrics.items():
            flat |= {name: metric.value, f"{name}_low": metric.low, f"{name}_high": metric.high}
        now = time.time_ns() // 1_000_000
        with self.connection.clear_errors():
            self.connection.client.log_batch(
                self.run_id,
                metrics=[MlflowMetric(name, value, now, 0) for name, value in flat.items()],
                params=[Param(name, str(value)) for name, value in params.items()],
            )

    def log_files(self, directory: Path, artifact_path: str) -> None:
        """Log a directory's files as artifacts."""
        with self.connection.clear_errors():
            self.connection.client.log_artifacts(self.run_id, str(directory), artifact_path)

    def log_bytes(self, content: bytes, name: str) -> None:
        """Log an artifact file of the given name."""
        with tempfile.TemporaryDirectory() as scratch, self.connection.clear_errors():
            file = Path(scratch) / name
            file.write_bytes(content)
            self.connection.client.log_artifact(self.run_id, str(file))


class Tracker:
    """Opens runs in an experiment, which is made if it is not there.

    Attributes:
        connection: The MLflow they are in.

    Raises:
        RegistryError: If MLflow is away or refuses.
    """

    def __init__(self, root: Path, experiment: str = EXPERIMENT) -> None:
        self.connection = connect(root)
        client = self.connection.client
        with self.connection.clear_errors():
            found = client.get_experiment_by_name(experiment)
            self._experiment_id = (
                found.experiment_id if found else client.create_experiment(experiment, self.connection.artifacts)
            )

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        """Open a run; it ends FINISHED, or FAILED when the body raises.

        Raises:
            RegistryError: If MLflow is away or refuses.
        """
        client = self.connection.client
        with self.connection.clear_errors():
            run: Run = client.create_run(self._experiment_id, run_name=name, tags=dict(tags))
        try:
            yield TrackedRun(self.connection, run.info.run_id)
        except BaseException:
            with suppress(RegistryError), self.connection.clear_errors():  # the body's own failure is the one to tell
                client.set_terminated(run.info.run_id, "FAILED")
            raise
        with self.connection.clear_errors():
            client.set_terminated(run.info.run_id, "FINISHED")

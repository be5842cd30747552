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
#: Tag of a run: the how-manieth look at its data's test part its figures are from.
LOOKS = "looks"


def flatten(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return metrics as MLflow takes them: value, `_low` and `_high` each by itself."""
    flat: dict[str, float] = {}
    for name, metric in metrics.items():
        flat |= {name: metric.value, f"{name}_low": metric.low, f"{name}_high": metric.high}
    return flat


@dataclass(frozen=True)
class TrackedRun:
    """One model's MLflow run, open.

    Every method raises RegistryError when MLflow is away or refuses.
    """

    connection: Connection
    run_id: str

    def log(self, params: Mapping[str, Any], metrics: Mapping[str, Metric], figures: Mapping[str, float]) -> None:
        """Log parameters, metrics with their intervals (`_low`, `_high`) and plain figures, in one call."""
        flat = dict(figures) | flatten(metrics)
        now = time.time_ns() // 1_000_000
        with self.connection.clear_errors():
            self.connection.client.log_batch(
                self.run_id,
                metrics=[MlflowMetric(name, value, now, 0) for name, value in flat.items()],
                params=[Param(name, str(value)) for name, value in params.items()],
            )

    def tag(self, key: str, value: str) -> None:
        """Set a tag."""
        with self.connection.clear_errors():
            self.connection.client.set_tag(self.run_id, key, value)

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

    def looks(self, data_sha256: str) -> int:
        """Return how often the test part of these data was looked at by the runs of this experiment.

        Raises:
            RegistryError: If MLflow is away or refuses.
        """
        wanted = f"tags.`data_sha256` = '{data_sha256}' and tags.`{LOOKS}` != ''"
        with self.connection.clear_errors():
            newest = self.connection.client.search_runs([self._experiment_id], wanted, max_results=1)
        return int(newest[0].data.tags[LOOKS]) if newest else 0

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

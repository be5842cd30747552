"""MLflow experiments and their active runs."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param
from mlflow.entities.run import Run

from schemas.errors import RegistryError
from schemas.manifest import Metric
from training.registry.connection import MlflowConnection

#: Name of the experiment for the baseline's models and for data reports.
BASELINE_EXPERIMENT = "fraud-baseline"


def flatten(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return metrics as MLflow stores them: the values, and the ends of the intervals as `_low` and `_high`."""
    flat: dict[str, float] = {}
    for name, metric in metrics.items():
        flat |= {name: metric.value, f"{name}_low": metric.low, f"{name}_high": metric.high}
    return flat


@dataclass(frozen=True)
class ActiveRun:
    """An MLflow run that has not ended.

    Every method raises RegistryError when MLflow is unavailable or rejects the request.
    """

    connection: MlflowConnection
    run_id: str

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters; MLflow accepts one value per name. Values that are not strings are logged as JSON."""
        logged = [Param(name, _param(value)) for name, value in params.items()]
        with self.connection.clear_errors():
            self.connection.client.log_batch(self.run_id, params=logged)

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Log metrics."""
        now_ms = time.time_ns() // 1_000_000
        logged = [MlflowMetric(name, value, now_ms, 0) for name, value in metrics.items()]
        with self.connection.clear_errors():
            self.connection.client.log_batch(self.run_id, metrics=logged)

    def tag(self, name: str, value: str) -> None:
        """Set a tag of the run. Unlike a parameter, a tag can change later."""
        with self.connection.clear_errors():
            self.connection.client.set_tag(self.run_id, name, value)

    def log_files(self, directory: Path, folder: str) -> None:
        """Log the files in a directory as artifacts, replacing earlier artifacts of the same names."""
        with self.connection.clear_errors():
            self.connection.client.log_artifacts(self.run_id, str(directory), folder)

    def log_text(self, path: str, text: str) -> None:
        """Log a text as an artifact at the given path."""
        with self.connection.clear_errors():
            self.connection.client.log_text(self.run_id, text, path)

    def end(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED."""
        with self.connection.clear_errors():
            self.connection.client.set_terminated(self.run_id, status)


class MlflowExperiment:
    """An MLflow experiment, created if it does not exist.

    Attributes:
        connection: Connection to the MLflow server or database that contains the experiment.

    Raises:
        RegistryError: If MLflow is unavailable or rejects the request. Every method may raise this error, too.
    """

    def __init__(self, connection: MlflowConnection, name: str) -> None:
        self.connection = connection
        client = connection.client
        with connection.clear_errors():
            existing = client.get_experiment_by_name(name)
            self._id = existing.experiment_id if existing else client.create_experiment(name, connection.artifacts)

    def start(self, name: str, tags: Mapping[str, str]) -> ActiveRun:
        """Start a run in the experiment."""
        with self.connection.clear_errors():
            run: Run = self.connection.client.create_run(self._id, run_name=name, tags=dict(tags))
        return ActiveRun(self.connection, run.info.run_id)

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[ActiveRun]:
        """Start a run that ends with the `with` block, as FINISHED, or as FAILED if the block raises an error."""
        run = self.start(name, tags)
        try:
            yield run
        except BaseException:
            with suppress(RegistryError):  # the body's own error is the one to report
                run.end("FAILED")
            raise
        run.end("FINISHED")

    def search(self, condition: str, *, max_results: int, order_by: Sequence[str] = ()) -> list[Run]:
        """Return the runs that match an MLflow filter, newest first unless `order_by` says otherwise."""
        with self.connection.clear_errors():
            return list(
                self.connection.client.search_runs(
                    [self._id], condition, max_results=max_results, order_by=list(order_by) or None
                )
            )


def _param(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

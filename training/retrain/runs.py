"""Requests in MLflow: one run for each, found again by its tag, so that a request is worked once."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities.run import Run

from schemas.messages import RetrainRequest
from training.registry.connection import Connection
from training.registry.lineage import code_version, library_versions
from training.registry.runs import FINISHED

EXPERIMENT = "fraud-retrain"
#: Tags: the request's id and whole text; how often working it was begun; what the last attempt failed with; why
#: nothing was trained.
REQUEST, ASKED, ATTEMPTS, FAILED, DECLINED = "retrain_request", "retrain_asked", "attempts", "failed", "declined"


@dataclass(frozen=True)
class Work:
    """A request's run as it stood when it was read."""

    run_id: str
    status: str
    tags: Mapping[str, str]

    @property
    def finished(self) -> bool:
        """Whether it came to its end: a model in the run's artifacts, or declined."""
        return self.status == FINISHED

    @property
    def declined(self) -> str:
        """Why nothing was trained; empty where something was, or is still to be."""
        return self.tags.get(DECLINED, "")

    @property
    def attempts(self) -> int:
        """How often working it was begun and, but for this last time, not ended."""
        return int(self.tags.get(ATTEMPTS, "0"))


class RetrainRuns:
    """The requests in one MLflow. One process at a time works them: see `fraud-train watch`.

    Raises:
        RegistryError: If MLflow is away or refuses; so does every method.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._client = connection, connection.client
        with connection.clear_errors():
            found = self._client.get_experiment_by_name(EXPERIMENT)
            self._experiment = (
                found.experiment_id if found else self._client.create_experiment(EXPERIMENT, connection.artifacts)
            )

    def find(self, request_id: str) -> Work | None:
        """Return a request's run, None where nobody has begun it."""
        quoted = request_id.replace("'", "\\'")
        with self._connection.clear_errors():
            runs = self._client.search_runs(
                [self._experiment],
                f"tags.`{REQUEST}` = '{quoted}'",
                max_results=1,
                order_by=["attributes.start_time ASC"],
            )
        return _work(runs[0]) if runs else None

    def begin(self, request: RetrainRequest) -> Work:
        """Begin a request, or begin again what an earlier process did not end; the attempt is counted."""
        work = self.find(request.request_id)
        with self._connection.clear_errors():
            if work is None:
                tags = {REQUEST: request.request_id, ASKED: msgspec.json.encode(request).decode(), ATTEMPTS: "1"}
                name = f"{request.cause} {request.request_id[:12]}"
                run = self._client.create_run(
                    self._experiment, run_name=name, tags=tags | code_version() | library_versions()
                )
                return _work(run)
            self._client.set_tag(work.run_id, ATTEMPTS, str(work.attempts + 1))
            self._client.update_run(work.run_id, status="RUNNING")
            return _work(self._client.get_run(work.run_id))

    def uncount(self, work: Work) -> None:
        """Take an attempt back that ended because something was away, which says nothing about the request."""
        self.tag(work, ATTEMPTS, str(work.attempts - 1))

    def decline(self, work: Work, why: str) -> None:
        """End a request without a model."""
        self.tag(work, DECLINED, why)
        self.finish(work)

    def finish(self, work: Work) -> None:
        """End a request: what its artifacts hold is whole."""
        with self._connection.clear_errors():
            self._client.set_terminated(work.run_id, FINISHED)

    def tag(self, work: Work, key: str, value: str) -> None:
        """Set a tag; unlike a parameter it may be another one at the next attempt."""
        with self._connection.clear_errors():
            self._client.set_tag(work.run_id, key, value)

    def log_metrics(self, work: Work, figures: Mapping[str, float]) -> None:
        """Log figures."""
        now = time.time_ns() // 1_000_000
        metrics = [MlflowMetric(name, value, now, 0) for name, value in figures.items()]
        with self._connection.clear_errors():
            self._client.log_batch(work.run_id, metrics=metrics)

    def log_files(self, work: Work, directory: Path, folder: str) -> None:
        """Log a directory's files as artifacts, over earlier ones of the same names."""
        with self._connection.clear_errors():
            self._client.log_artifacts(work.run_id, str(directory), folder)

    def log_bytes(self, work: Work, content: bytes, name: str) -> None:
        """Log an artifact file of the given name."""
        with tempfile.TemporaryDirectory() as scratch, self._connection.clear_errors():
            file = Path(scratch) / name
            file.write_bytes(content)
            self._client.log_artifact(work.run_id, str(file))


def _work(run: Run) -> Work:
    return Work(run.info.run_id, run.info.status, dict(run.data.tags))

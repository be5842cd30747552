"""Retraining requests in MLflow. Each request has one run, found by its tag, so that no request is handled twice."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from mlflow.entities.run import Run

from schemas.messages import RetrainRequest
from training.registry.connection import MlflowConnection
from training.registry.experiment import ActiveRun, MlflowExperiment
from training.registry.lineage import code_version, library_versions
from training.registry.runs import FINISHED

EXPERIMENT = "fraud-retrain"
#: Names of the run's tags: request id, request as JSON, number of attempts, last error, and reason for declining.
REQUEST, REQUEST_JSON, ATTEMPTS, FAILED, DECLINED = (
    "retrain_request",
    "retrain_asked",
    "attempts",
    "failed",
    "declined",
)


@dataclass(frozen=True)
class RetrainRun:
    """Snapshot of a request's run at the time when it was read."""

    run_id: str
    status: str
    tags: Mapping[str, str]

    @property
    def finished(self) -> bool:
        """True if the request was declined or the run's artifacts contain a model."""
        return self.status == FINISHED

    @property
    def declined(self) -> str:
        """Reason why no model was trained; empty if a model was trained or still has to be."""
        return self.tags.get(DECLINED, "")

    @property
    def attempts(self) -> int:
        """Number of attempts that were not ended by an outage, including the current attempt."""
        return int(self.tags.get(ATTEMPTS, "0"))


class RetrainRuns:
    """The retraining requests in MLflow. Only one process at a time may handle them; see `fraud-train watch`.

    Raises:
        RegistryError: If MLflow is unavailable or rejects the request. Every method may raise this error, too.
    """

    def __init__(self, connection: MlflowConnection) -> None:
        self._connection, self._client = connection, connection.client
        self._experiment = MlflowExperiment(connection, EXPERIMENT)

    def find(self, request_id: str) -> RetrainRun | None:
        """Return a request's run, or None if handling the request has not begun."""
        quoted = request_id.replace("'", "\\'")
        runs = self._experiment.search(
            f"tags.`{REQUEST}` = '{quoted}'", max_results=1, order_by=["attributes.start_time ASC"]
        )
        return _read(runs[0]) if runs else None

    def begin(self, request: RetrainRequest) -> RetrainRun:
        """Begin an attempt at a request, in a new run or in the run that an earlier process left open."""
        existing = self.find(request.request_id)
        if existing is None:
            tags = {REQUEST: request.request_id, REQUEST_JSON: msgspec.json.encode(request).decode(), ATTEMPTS: "1"}
            name = f"{request.cause} {request.request_id[:12]}"
            return self._reread(self._experiment.start(name, tags | code_version() | library_versions()).run_id)
        self.active(existing).tag(ATTEMPTS, str(existing.attempts + 1))
        with self._connection.clear_errors():
            self._client.update_run(existing.run_id, status="RUNNING")
        return self._reread(existing.run_id)

    def active(self, run: RetrainRun) -> ActiveRun:
        """Return a request's run as an active run, for logging."""
        return ActiveRun(self._connection, run.run_id)

    def uncount(self, run: RetrainRun) -> None:
        """Subtract an attempt that was ended by an outage, because an outage says nothing about the request."""
        self.active(run).tag(ATTEMPTS, str(run.attempts - 1))

    def decline(self, run: RetrainRun, reason: str) -> None:
        """End a request's run without a model, recording the reason."""
        self.active(run).tag(DECLINED, reason)
        self.end(run)

    def end(self, run: RetrainRun) -> None:
        """End the run of a request whose artifacts are complete."""
        self.active(run).end(FINISHED)

    def _reread(self, run_id: str) -> RetrainRun:
        with self._connection.clear_errors():
            return _read(self._client.get_run(run_id))


def _read(run: Run) -> RetrainRun:
    return RetrainRun(run.info.run_id, run.info.status, dict(run.data.tags))

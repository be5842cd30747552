"""Studies in MLflow: one parent run per study and one child run per entry, from which a study can be resumed."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from mlflow.entities.run import Run

from schemas.errors import StudyError
from training.data.test_set import CountedEvaluation
from training.registry.connection import MlflowConnection
from training.registry.experiment import ActiveRun, MlflowExperiment
from training.registry.lineage import PARENT_RUN, code_version, library_versions
from training.study.budget import OutOfTimeError
from training.study.entry_record import EntryRecord, decode_record, encode_record
from training.study.evaluation_record import FinalEvaluation, decode_evaluation, encode_evaluation
from training.study.left_out import LeftOut, decode_left_out, encode_left_out
from training.study.plan import Entry, StudyPlan

EXPERIMENT = "fraud-study"
#: Tags of a parent run: name of the study, identity that is required to resume it, and its outcome.
STUDY, IDENTITY, LEFT_OUT, CHOSEN, ACCEPTED, EVALUATIONS, ALERTS_PER_DAY = (
    "study",
    "identity",
    "left_out",
    "chosen",
    "accepted_leaks",
    "looks",
    "alerts_per_day",
)
#: Tags of a parent run that are copied to its child runs.
INHERITED = ("data_sha256", "feature_set")
#: Tags of a child run.
_ENTRY, _RECORD = "entry", "record"
#: Artifact of a parent run that contains the plan.
_PLAN = "plan.json"
#: Artifact directory of a parent run that contains the final evaluations.
_EVALUATION_FOLDER = "looks"
#: Largest number of child runs to read; a study has a few dozen.
_MAX_CHILDREN = 1000


@dataclass(frozen=True)
class Study:
    """A snapshot of a parent run, taken when it was read.

    Attributes:
        run_id: Id of the parent run.
        name: Name of the study.
        tags: Tags of the parent run.
        status: Status in MLflow: RUNNING, FINISHED, FAILED or KILLED.
        facts: Plan and data of the study, by name.
        minutes: Minutes from start to end, interruptions included; 0 while it runs.
    """

    run_id: str
    name: str
    tags: Mapping[str, str]
    status: str
    facts: Mapping[str, str]
    minutes: float

    @property
    def complete(self) -> bool:
        """Whether there is nothing to resume. Failed entries are not resumed, because they would fail again."""
        return self.status == "FINISHED" and all(each.failed for each in self.left_out.values())

    def require_chosen_key(self) -> str:
        """Return the key of the chosen entry.

        Raises:
            StudyError: If the study has not chosen an entry yet.
        """
        if CHOSEN in self.tags:
            return self.tags[CHOSEN]
        raise StudyError(f"study {self.name} has not chosen a model yet; resume it with: fraud-train study")

    @property
    def evaluations(self) -> int:
        """Number of times that the test set was evaluated."""
        return int(self.tags.get(EVALUATIONS, "0"))

    @property
    def alerts_per_day(self) -> int | None:
        """Daily alert budget by which the chosen model's policy was chosen; None if the policy was chosen by cost."""
        value = self.tags.get(ALERTS_PER_DAY)
        return int(value) if value else None

    @property
    def accepted(self) -> dict[str, str]:
        """Details of the leaks that were found and accepted, by name."""
        return msgspec.json.decode(self.tags.get(ACCEPTED, "{}"), type=dict[str, str])

    @property
    def left_out(self) -> dict[str, LeftOut]:
        """Reasons why entries were not run or not completed, by key."""
        return decode_left_out(self.tags.get(LEFT_OUT, "{}"))


class StudyRuns:
    """The studies in MLflow.

    The constructor and every method raise RegistryError if MLflow is unavailable or rejects the request.
    """

    def __init__(self, connection: MlflowConnection) -> None:
        self._connection, self._client = connection, connection.client
        self._experiment = MlflowExperiment(connection, EXPERIMENT)

    def run(self, run_id: str) -> ActiveRun:
        """Return the run of a study or of an entry, to log to."""
        return ActiveRun(self._connection, run_id)

    def latest(self, name: str | None = None) -> Study | None:
        """Return the newest study with this name, or with any name; None if there is no study."""
        condition = f"tags.{STUDY} = '{name}'" if name else f"tags.{STUDY} != ''"
        runs = self._experiment.search(condition, max_results=1, order_by=["attributes.start_time DESC"])
        return _study(runs[0]) if runs else None

    def require(self, name: str | None) -> Study:
        """Return the newest study with this name, or with any name.

        Raises:
            StudyError: If there is no such study.
        """
        if study := self.latest(name):
            return study
        called = f" called {name}" if name else ""
        raise StudyError(f"there is no study{called} in MLflow at {self._connection.uri}; run: fraud-train study")

    def begin(self, name: str, identity: str, facts: Mapping[str, str], lineage: Mapping[str, str]) -> Study:
        """Start the parent run of a new study.

        Args:
            name: Name of the study.
            identity: Identity that is required to resume the study.
            facts: Parameters of the run: plan and data of the study.
            lineage: Tags of the parent run and of every child run.
        """
        tags = {STUDY: name, IDENTITY: identity, **_code(), **lineage}
        run = self._experiment.start(name, tags)
        run.log_params(facts)
        with self._connection.clear_errors():
            return _study(self._client.get_run(run.run_id))

    def store_plan(self, study: Study, plan: StudyPlan) -> None:
        """Log the plan of a study."""
        self.run(study.run_id).log_text(_PLAN, msgspec.json.format(msgspec.json.encode(plan)).decode())

    def plan(self, study: Study) -> StudyPlan:
        """Return the plan of a study.

        Raises:
            msgspec.DecodeError: If the stored plan is not valid.
        """
        with self._connection.clear_errors(), tempfile.TemporaryDirectory() as scratch:
            path = Path(self._client.download_artifacts(study.run_id, _PLAN, scratch))
            return msgspec.json.decode(path.read_bytes(), type=StudyPlan)

    def resume(self, study: Study) -> None:
        """Set the status of a parent run to RUNNING again, and end its unfinished child runs as KILLED."""
        for child in self._children(study.run_id):
            if child.info.status == "RUNNING":
                self.run(child.info.run_id).end("KILLED")
        with self._connection.clear_errors():
            self._client.update_run(study.run_id, status="RUNNING")

    def end(self, study: Study, status: str, left_out: Mapping[str, LeftOut]) -> None:
        """End a parent run.

        Args:
            study: Study to end.
            status: FINISHED, FAILED or KILLED.
            left_out: Reasons why entries were not run or not completed, by key.
        """
        run = self.run(study.run_id)
        run.tag(LEFT_OUT, encode_left_out(left_out))
        run.end(status)

    @contextmanager
    def entry(self, study: Study, entry: Entry) -> Iterator[str]:
        """Start an entry's child run and yield its id. `finish` ends the run; an error ends it as KILLED or FAILED."""
        lineage = {name: study.tags[name] for name in INHERITED}
        tags = {PARENT_RUN: study.run_id, _ENTRY: entry.key} | _code() | lineage
        run = self._experiment.start(entry.key, tags)
        try:
            yield run.run_id
        except BaseException as error:
            run.end("KILLED" if isinstance(error, OutOfTimeError) else "FAILED")
            raise

    def finish(self, run_id: str, record: EntryRecord) -> None:
        """Log the parameters and metrics of an entry and end its run as FINISHED."""
        params = {
            "family": record.family,
            "treatment": record.treatment,
            "legitimate_share": record.legitimate_share,
            "fit_rows": record.fit_rows,
            "trials": record.trials,
            "trials_pruned": record.pruned,
        } | {f"model.{name}": value for name, value in record.params.items()}
        metrics = {
            "pr_auc": record.mean,
            "pr_auc_standard_error": record.standard_error,
            "seconds": record.seconds,
            "cost_us": record.cost_us,
        }
        for fold, value in enumerate(record.by_fold.tolist(), start=1):
            metrics[f"pr_auc_fold_{fold}"] = value
        run = self.run(run_id)
        run.log_params(params)
        run.log_metrics(metrics)
        # The record comes last: a run without it does not count as finished.
        run.tag(_RECORD, encode_record(record))
        run.end("FINISHED")

    def finished(self, study: Study) -> dict[str, tuple[str, EntryRecord]]:
        """Return the run id and record of each finished entry by key; of an entry that was repeated, the newest run."""
        by_key: dict[str, tuple[str, EntryRecord]] = {}
        for run in sorted(self._children(study.run_id), key=lambda run: run.info.start_time):
            if run.info.status == "FINISHED" and _RECORD in run.data.tags:
                record = decode_record(run.data.tags[_RECORD])
                by_key[record.key] = (run.info.run_id, record)
        return by_key

    def origin(self, run_id: str) -> tuple[Study, EntryRecord] | None:
        """Return the study and the record of an entry's run; None if the run is not an entry of a study."""
        with self._connection.clear_errors():
            run = self._client.get_run(run_id)
            if _RECORD not in run.data.tags:
                return None
            parent = self._client.get_run(run.data.tags[PARENT_RUN])
        return _study(parent), decode_record(run.data.tags[_RECORD])

    def count_evaluation(self, study: Study, evaluation: CountedEvaluation) -> None:
        """Log an evaluation of the study's test set, before it starts."""
        run = self.run(study.run_id)
        run.tag(EVALUATIONS, str(evaluation.number))
        run.tag(f"look_{evaluation.number}", evaluation.reason)
        with self._connection.clear_errors():
            self._client.log_metric(study.run_id, EVALUATIONS, evaluation.number, step=evaluation.number)

    def store_evaluation(self, study: Study, evaluation: FinalEvaluation) -> None:
        """Log the result of a final evaluation."""
        path = f"{_EVALUATION_FOLDER}/look-{evaluation.number}.json"
        self.run(study.run_id).log_text(path, encode_evaluation(evaluation).decode())

    def last_evaluation(self, study: Study) -> FinalEvaluation | None:
        """Return the newest final evaluation that has a result; None if no evaluation has a result."""
        with self._connection.clear_errors(), tempfile.TemporaryDirectory() as scratch:
            files = self._client.list_artifacts(study.run_id, _EVALUATION_FOLDER)
            if not files:
                return None
            newest = max(files, key=lambda file: int(file.path.rpartition("-")[2].removesuffix(".json")))
            path = Path(self._client.download_artifacts(study.run_id, newest.path, scratch))
            return decode_evaluation(path.read_bytes())

    def bundle(self, run_id: str, folder: str, target: Path) -> Path:
        """Download the bundle of a run and return its directory.

        Args:
            run_id: Id of the run.
            folder: Artifact directory that contains the bundle.
            target: Existing directory to download into.
        """
        with self._connection.clear_errors():
            return Path(self._client.download_artifacts(run_id, folder, str(target)))

    def _children(self, run_id: str) -> list[Run]:
        return self._experiment.search(f"tags.`{PARENT_RUN}` = '{run_id}'", max_results=_MAX_CHILDREN)


def _study(run: Run) -> Study:
    tags = dict(run.data.tags)
    minutes = ((run.info.end_time or run.info.start_time) - run.info.start_time) / 60_000
    return Study(run.info.run_id, tags[STUDY], tags, run.info.status, dict(run.data.params), minutes)


def _code() -> dict[str, str]:
    return code_version() | library_versions()

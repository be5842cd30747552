"""A study in MLflow: one parent run, one child run an entry. What is kept here is what a study resumes from."""

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
from training.study.plan import Entry
from training.study.entry_record import EntryRecord, decode_record, encode_record
from training.study.test_evaluation import Look, decode_look, encode_look

EXPERIMENT = "fraud-study"
#: Tags of a parent run: the study's name, what it must be resumed with, and how it ended.
STUDY, IDENTITY, LEFT_OUT, CHOSEN, ACCEPTED, LOOKS, ALERTS_PER_DAY = (
    "study",
    "identity",
    "left_out",
    "chosen",
    "accepted_leaks",
    "looks",
    "alerts_per_day",
)
#: Tags of a parent run that its children take over.
INHERITED = ("data_sha256", "feature_set")
#: Tags of a child run.
_ENTRY, _RECORD = "entry", "record"
#: Begins the reason of an entry that was left out because it can't be fitted.
FAILED = "failed: "
#: Artifact of a parent run: its plan.
PLAN = "plan.json"
_LOOK_FOLDER = "looks"
_PAGE = 1000  # runs; a study has some dozens


@dataclass(frozen=True)
class Study:
    """A parent run as it stood when it was read."""

    run_id: str
    name: str
    tags: Mapping[str, str]
    #: MLflow's own word: RUNNING, FINISHED, FAILED, KILLED.
    status: str
    #: What it is run on and with.
    facts: Mapping[str, str]
    #: From its beginning to its end, breaks among them; 0 while it runs.
    minutes: float

    @property
    def whole(self) -> bool:
        """Whether nothing is left to go on with. What failed is no such thing: it would fail again."""
        return self.status == "FINISHED" and all(reason.startswith(FAILED) for reason in self.left_out.values())

    def require_chosen(self) -> str:
        """Return the key of the entry that was chosen.

        Raises:
            StudyError: If the study has not come that far.
        """
        if CHOSEN in self.tags:
            return self.tags[CHOSEN]
        raise StudyError(f"study {self.name} has not chosen a model yet; go on with it: fraud-train study")

    @property
    def looks(self) -> int:
        """How often its test part was looked at."""
        return int(self.tags.get(LOOKS, "0"))

    @property
    def alerts_per_day(self) -> int | None:
        """Daily budget of alerts that the chosen model's policy was chosen by; None if it was chosen by cost."""
        value = self.tags.get(ALERTS_PER_DAY)
        return int(value) if value else None

    @property
    def accepted(self) -> dict[str, str]:
        """Leaks that were found in it and accepted, with what was seen."""
        return msgspec.json.decode(self.tags.get(ACCEPTED, "{}"), type=dict[str, str])

    @property
    def left_out(self) -> dict[str, str]:
        """Entries that were not run, with the reason."""
        return msgspec.json.decode(self.tags.get(LEFT_OUT, "{}"), type=dict[str, str])


class StudyRuns:
    """The studies in one MLflow.

    Raises:
        RegistryError: If MLflow is away or refuses; so does every method.
    """

    def __init__(self, connection: MlflowConnection) -> None:
        self._connection, self._client = connection, connection.client
        self._experiment = MlflowExperiment(connection, EXPERIMENT)

    def run(self, run_id: str) -> ActiveRun:
        """Return a study's or an entry's run to log to."""
        return ActiveRun(self._connection, run_id)

    def latest(self, name: str | None = None) -> Study | None:
        """Return the study that began last, of this name or of any."""
        wanted = f"tags.{STUDY} = '{name}'" if name else f"tags.{STUDY} != ''"
        runs = self._experiment.search(wanted, max_results=1, order_by=["attributes.start_time DESC"])
        return _study(runs[0]) if runs else None

    def require(self, name: str | None) -> Study:
        """Return the latest study.

        Raises:
            StudyError: If there is none.
        """
        if study := self.latest(name):
            return study
        called = f" called {name}" if name else ""
        raise StudyError(f"there is no study{called} in MLflow at {self._connection.uri}; run: fraud-train study")

    def begin(self, name: str, identity: str, facts: Mapping[str, str], lineage: Mapping[str, str]) -> Study:
        """Make a parent run.

        Args:
            name: Of the study.
            identity: What it must be resumed with.
            facts: What it is run on and with, its parameters.
            lineage: Tags of it and of every child.
        """
        tags = {STUDY: name, IDENTITY: identity, **_code(), **lineage}
        run = self._experiment.start(name, tags)
        run.log_params(facts)
        with self._connection.clear_errors():
            return _study(self._client.get_run(run.run_id))

    def resume(self, study: Study) -> None:
        """Set a parent run going again; what was half done in it is ended as killed, to be run anew."""
        for child in self._children(study.run_id):
            if child.info.status == "RUNNING":
                self.run(child.info.run_id).end("KILLED")
        with self._connection.clear_errors():
            self._client.update_run(study.run_id, status="RUNNING")

    def end(self, study: Study, status: str, left_out: Mapping[str, str]) -> None:
        """End a parent run, FINISHED, FAILED or KILLED."""
        run = self.run(study.run_id)
        run.tag(LEFT_OUT, msgspec.json.encode(left_out).decode())
        run.end(status)

    @contextmanager
    def entry(self, study: Study, entry: Entry) -> Iterator[str]:
        """Open an entry's child run and yield its id; it ends FINISHED only by `finish`, else KILLED or FAILED."""
        lineage = {name: study.tags[name] for name in INHERITED}
        tags = {PARENT_RUN: study.run_id, _ENTRY: entry.key} | _code() | lineage
        run = self._experiment.start(entry.key, tags)
        try:
            yield run.run_id
        except BaseException as error:
            run.end("KILLED" if isinstance(error, OutOfTimeError) else "FAILED")
            raise

    def finish(self, run_id: str, record: EntryRecord) -> None:
        """Log an entry's parameters and figures and end its run."""
        params = {
            "family": record.family,
            "treatment": record.treatment,
            "legitimate_share": record.legitimate_share,
            "fit_rows": record.fit_rows,
            "trials": record.trials,
            "trials_pruned": record.pruned,
        } | {f"model.{name}": value for name, value in record.params.items()}
        figures = {
            "pr_auc": record.mean,
            "pr_auc_standard_error": record.standard_error,
            "seconds": record.seconds,
            "cost_us": record.cost_us,
        }
        for fold, value in enumerate(record.by_fold.tolist(), start=1):
            figures[f"pr_auc_fold_{fold}"] = value
        run = self.run(run_id)
        run.log_params(params)
        run.log_metrics(figures)
        # Last: only a run that has it counts as finished.
        run.tag(_RECORD, encode_record(record))
        run.end("FINISHED")

    def finished(self, study: Study) -> dict[str, tuple[str, EntryRecord]]:
        """Return run id and record of each finished entry by key; the newest where an entry was gone on with."""
        found: dict[str, tuple[str, EntryRecord]] = {}
        for run in sorted(self._children(study.run_id), key=lambda run: run.info.start_time):
            if run.info.status == "FINISHED" and _RECORD in run.data.tags:
                record = decode_record(run.data.tags[_RECORD])
                found[record.key] = (run.info.run_id, record)
        return found

    def origin(self, run_id: str) -> tuple[Study, EntryRecord] | None:
        """Return the study and the record of an entry's run, None where the run is no entry of a study."""
        with self._connection.clear_errors():
            run = self._client.get_run(run_id)
            if _RECORD not in run.data.tags:
                return None
            parent = self._client.get_run(run.data.tags[PARENT_RUN])
        return _study(parent), decode_record(run.data.tags[_RECORD])

    def count_look(self, study: Study, look: CountedEvaluation) -> None:
        """Log one more look at the study's test part, before it is taken."""
        run = self.run(study.run_id)
        run.tag(LOOKS, str(look.number))
        run.tag(f"look_{look.number}", look.reason)
        with self._connection.clear_errors():
            self._client.log_metric(study.run_id, LOOKS, look.number, step=look.number)

    def keep_look(self, study: Study, look: Look) -> None:
        """Log what a look found."""
        self.run(study.run_id).log_text(f"{_LOOK_FOLDER}/look-{look.number}.json", encode_look(look).decode())

    def last_look(self, study: Study) -> Look | None:
        """Return the newest look that found something."""
        with self._connection.clear_errors(), tempfile.TemporaryDirectory() as scratch:
            files = self._client.list_artifacts(study.run_id, _LOOK_FOLDER)
            if not files:
                return None
            newest = max(files, key=lambda file: int(file.path.rpartition("-")[2].removesuffix(".json")))
            return decode_look(Path(self._client.download_artifacts(study.run_id, newest.path, scratch)).read_bytes())

    def bundle(self, run_id: str, folder: str, into: Path) -> Path:
        """Fetch a run's bundle and return its directory."""
        with self._connection.clear_errors():
            return Path(self._client.download_artifacts(run_id, folder, str(into)))

    def _children(self, run_id: str) -> list[Run]:
        return self._experiment.search(f"tags.`{PARENT_RUN}` = '{run_id}'", max_results=_PAGE)


def _study(run: Run) -> Study:
    tags = dict(run.data.tags)
    minutes = ((run.info.end_time or run.info.start_time) - run.info.start_time) / 60_000
    return Study(run.info.run_id, tags[STUDY], tags, run.info.status, dict(run.data.params), minutes)


def _code() -> dict[str, str]:
    return code_version() | library_versions()


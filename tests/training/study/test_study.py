"""A complete study: its runs, its bundle, how it is resumed, and what stops it."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import training.study.entry_runner
from schemas.errors import LeakError, RegistryError, StudyError
from stream.models.bundle import audit
from tests.training.study.conftest import PLAN, FinishedStudy, Workspace, make_plan
from training.data.leaks import MAX_PR_AUC, LeakAlarm
from training.data.split import split_by_time
from training.registry.lineage import PARENT_RUN
from training.study.left_out import LeftOut
from training.study.plan import entries
from training.study.runs import CHOSEN, StudyRuns
from training.study.selection import choose


def tiny_plan(**changes: Any) -> Any:
    """Return a plan with two fast entries."""
    families = [{"family": "logistic-regression", "treatments": ["none", "undersampling"]}]
    return make_plan(**({"families": families, "seeds": [0], "name": "tiny"} | changes))


def test_every_entry_is_a_child_run_of_the_study(finished_study: FinishedStudy) -> None:
    """Each child run has the entry's parameters, its score on each fold, its time and its cost."""
    client, study = finished_study.workspace.connection.client, finished_study.outcome.study
    parent = client.get_run(study.run_id)
    assert (parent.info.status, parent.data.tags[CHOSEN]) == ("FINISHED", finished_study.outcome.chosen.key)
    assert {"git_commit", "data_sha256", "feature_set", "library.python"} <= parent.data.tags.keys()
    assert parent.data.params["folds"] == "3"
    runs = client.search_runs([parent.info.experiment_id], f"tags.`{PARENT_RUN}` = '{study.run_id}'")
    assert {run.info.run_name for run in runs} == {entry.key for entry in entries(make_plan())}
    for run in runs:
        assert run.info.status == "FINISHED"
        assert {"family", "treatment", "legitimate_share", "fit_rows"} <= run.data.params.keys()
        folds = [run.data.metrics[f"pr_auc_fold_{fold}"] for fold in (1, 2, 3)]
        assert run.data.metrics["pr_auc"] == pytest.approx(np.mean(folds))
        assert run.data.metrics["seconds"] > 0
        assert run.data.metrics["cost_us"] > 0
        assert run.data.tags["data_sha256"] == finished_study.workspace.data.sha256
    assert finished_study.outcome.left_out == {}


def test_searched_entries_have_their_number_of_trials(finished_study: FinishedStudy) -> None:
    """A searched entry has the planned number of trials, and its hyperparameters come from the search."""
    searched = [record for record in finished_study.outcome.records if record.family == "xgboost"]
    assert [record.trials for record in searched] == [2, 2]
    assert all("learning_rate" in record.params for record in searched)


def test_a_stack_combines_the_best_entries_of_the_best_families(finished_study: FinishedStudy) -> None:
    """The stack's params contain those of its members, so that it can be fitted again."""
    (stack,) = (record for record in finished_study.outcome.records if record.family == "stack")
    members = [(member["family"], member["treatment"]) for member in stack.params["members"]]
    best: dict[str, Any] = {}
    for record in sorted(finished_study.outcome.records, key=lambda record: -record.mean):
        if record.family != "stack":
            best.setdefault(record.family, (record.family, record.treatment))
    assert members == list(best.values())[:2]


def test_the_chosen_entrys_run_has_a_bundle_that_the_stream_accepts(
    finished_study: FinishedStudy, tmp_path: Path
) -> None:
    """The bundle passes the audit, is calibrated at the natural fraud rate, and has no metrics on the test set."""
    outcome, runs = finished_study.outcome, finished_study.workspace.runs
    assert outcome.chosen == choose(outcome.records)
    directory = runs.bundle(outcome.run_id, "bundle", tmp_path)
    model = audit(directory, hashlib.sha256((directory / "manifest.json").read_bytes()).hexdigest())
    manifest = model.manifest
    split = split_by_time(finished_study.workspace.data)
    assert (manifest.algorithm, manifest.mlflow_run_id) == (outcome.chosen.family, outcome.run_id)
    assert manifest.training_window.rows == len(split.train)
    assert all(name.endswith(("_folds", "_validation")) for name in manifest.metrics)
    scores = model.onnx.score(split.validation.matrix(model.plan))
    assert scores.mean() / split.validation.label.mean() == pytest.approx(1, abs=0.1)
    run = finished_study.workspace.connection.client.get_run(outcome.run_id)
    assert run.data.metrics["onnx_parity"] <= 1e-5


def test_repeating_a_complete_study_gives_a_new_study_with_the_same_figures(workspace: Workspace) -> None:
    """A complete study is not resumed but run again, with the same metrics, because everything is seeded."""
    first, second = workspace.run(tiny_plan()), workspace.run(tiny_plan())
    assert first.study.run_id != second.study.run_id
    assert not second.resumed
    figures = [{record.key: record.pr_auc for record in outcome.records} for outcome in (first, second)]
    assert figures[0] == figures[1]


def test_entries_are_left_out_when_the_budget_is_used_up(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries for which no time is left are run by the next call, and finished entries keep their runs."""
    run, calls = training.study.entry_runner.EntryRunner.run, []

    def run_with_time_for_one(self: Any, *arguments: Any) -> Any:
        calls.append(self)
        if len(calls) > 1:
            self._budget = used_up(self._budget)
        return run(self, *arguments)

    def used_up(budget: Any) -> Any:
        budget._end = 0.0
        return budget

    with monkeypatch.context() as patch:
        patch.setattr("training.study.study_runner.WORKERS", 1)
        patch.setattr(training.study.entry_runner.EntryRunner, "run", run_with_time_for_one)
        first = workspace.run(make_plan(), minutes=60)
    assert [record.key for record in first.records] == ["logistic-regression/none"]
    assert set(first.left_out) == {entry.key for entry in entries(make_plan())} - {"logistic-regression/none"}
    assert first.left_out["extra-trees/none"] == LeftOut("no time was left")
    assert first.left_out["stack/none"] == LeftOut("it needs 2 finished families, and there are 1")
    second = workspace.run(make_plan())
    assert (second.resumed, second.study.run_id, second.left_out) == (True, first.study.run_id, {})
    finished = workspace.runs.finished(second.study)
    assert len(finished) == len(entries(make_plan()))
    assert finished["logistic-regression/none"][0] == first.run_id


def test_an_entry_that_cannot_be_fitted_does_not_stop_the_others(workspace: Workspace) -> None:
    """A study with an entry that cannot be fitted counts as complete, because the entry would fail again."""
    plan = tiny_plan(
        families=[
            {"family": "logistic-regression", "treatments": ["none"]},
            # The first fold then contains hardly any legitimate rows.
            {"family": "extra-trees", "treatments": ["none"], "legitimate_share": 1e-9},
        ]
    )
    outcome = workspace.run(plan)
    left_out = outcome.left_out["extra-trees/none"]
    assert left_out.failed
    assert left_out.reason.startswith("failed: DataError: extra-trees cannot learn from")
    assert outcome.chosen.key == "logistic-regression/none"
    latest = workspace.runs.latest("tiny")
    assert latest is not None
    assert latest.complete


def test_a_study_without_a_finished_entry_is_an_error(workspace: Workspace) -> None:
    """If no entry is finished, the error gives the reasons, and the study ends as failed."""
    plan = tiny_plan(families=[{"family": "logistic-regression", "treatments": ["none"], "legitimate_share": 1e-9}])
    with pytest.raises(StudyError, match=r"no entry was finished \(failed: DataError"):
        workspace.run(plan)
    latest = workspace.runs.latest("tiny")
    assert latest is not None
    assert latest.status == "FAILED"


@pytest.fixture
def too_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every PR-AUC too good to be true."""
    monkeypatch.setattr("training.study.entry_runner.average_precision_score", lambda *_: MAX_PR_AUC + 0.01)


@pytest.mark.usefixtures("too_good")
def test_a_leak_stops_the_study(workspace: Workspace) -> None:
    """The study stops at the first suspicious PR-AUC: no entry is finished, and the run ends as failed."""
    with pytest.raises(LeakError, match=r"pr-auc-too-good: PR-AUC is 0.980 on a fold, by logistic-regression/"):
        workspace.run(tiny_plan())
    latest = workspace.runs.latest("tiny")
    assert latest is not None
    assert latest.status == "FAILED"
    assert workspace.runs.finished(latest) == {}


@pytest.mark.usefixtures("too_good")
def test_an_accepted_leak_is_recorded(workspace: Workspace) -> None:
    """An accepted leak is recorded in the study's run, where readers of the study's metrics find it."""
    outcome = workspace.run(tiny_plan(), accepted=("pr-auc-too-good",))
    assert outcome.accepted.keys() == {"pr-auc-too-good"}
    latest = workspace.runs.latest("tiny")
    assert latest is not None
    assert latest.accepted == outcome.accepted


@pytest.mark.usefixtures("too_good")
@pytest.mark.parametrize(
    ("plan", "change", "expected"),
    [
        (tiny_plan(folds=4), {}, "started with different plan;"),
        (tiny_plan(), {"split": "stratified-1"}, "started with different split;"),
        (tiny_plan(), {"data": "other"}, "started with different data;"),
    ],
)
def test_a_study_is_resumed_only_with_the_same_inputs(
    workspace: Workspace, plan: Any, change: dict[str, Any], expected: str
) -> None:
    """Resuming with another plan, split or data would mix two studies and is an error; --fresh starts a new study."""
    with pytest.raises(LeakError):
        workspace.run(tiny_plan())
    data = workspace.data
    if sha256 := change.pop("data", None):
        data = replace(data, sha256=hashlib.sha256(sha256.encode()).hexdigest())
    changed = Workspace(workspace.root, data)
    with pytest.raises(StudyError, match=rf"study tiny \(run \w+\) was {expected} .* --fresh"):
        changed.run(plan, **change)
    fresh = changed.run(plan, fresh=True, accepted=("pr-auc-too-good",), **change)
    assert not fresh.resumed


def test_a_study_uses_no_labels_after_the_training_part(workspace: Workspace) -> None:
    """Random labels in the validation and test sets do not change the scores on any fold."""
    plan = tiny_plan()
    before = workspace.run(plan)
    labels = workspace.data.label.copy()
    at = len(split_by_time(workspace.data).train)
    labels[at:] = np.random.default_rng(0).permutation(labels[at:])
    after = Workspace(workspace.root, replace(workspace.data, label=labels)).run(plan, fresh=True)
    for one, other in zip(before.records, after.records, strict=True):
        assert (one.key, one.pr_auc) == (other.key, other.pr_auc)


def test_an_unavailable_mlflow_is_a_one_line_error(
    make_workspace: Callable[[], Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If MLflow is unavailable, the study fails with a one-line error before anything is fitted."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match=r"MLflow at http://127.0.0.1:9"):
        StudyRuns(make_workspace().connection)


def test_the_plan_is_stored_with_the_study(finished_study: FinishedStudy, tmp_path: Path) -> None:
    """The plan is an artifact of the parent run and can be read back."""
    assert finished_study.workspace.runs.plan(finished_study.outcome.study) == make_plan()
    client = finished_study.workspace.connection.client
    kept = client.download_artifacts(finished_study.outcome.study.run_id, "plan.json", str(tmp_path))
    assert msgspec.json.decode(Path(kept).read_bytes())["folds"] == PLAN["folds"]


def test_the_split_is_checked_for_leaks_before_anything_runs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the data leak, the study stops before it creates a run in MLflow."""

    def leak(_: LeakAlarm, __: Any) -> None:
        raise LeakError("row-in-two-parts: x")

    monkeypatch.setattr(LeakAlarm, "check_split", leak)
    with pytest.raises(LeakError):
        workspace.run(tiny_plan())
    assert workspace.runs.latest("tiny") is None

"""A whole study: its runs, its bundle, what it resumes from, and what stops it."""

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
from tests.training.study.conftest import PLAN, Done, Place, make_plan
from training.data.leaks import MAX_PR_AUC, LeakAlarm
from training.data.split import split_by_time
from training.registry.lineage import PARENT_RUN
from training.study.choose import choose
from training.study.plan import entries
from training.study.runs import CHOSEN, StudyRuns


def tiny_plan(**changes: Any) -> Any:
    """Two entries that take no time."""
    families = [{"family": "logistic-regression", "treatments": ["none", "undersampling"]}]
    return make_plan(**({"families": families, "seeds": [0], "name": "tiny"} | changes))


def test_every_entry_is_a_run_below_the_studys_own(done: Done) -> None:
    """With parameters, the score of each fold, seconds and cost."""
    client, study = done.place.connection.client, done.outcome.study
    parent = client.get_run(study.run_id)
    assert (parent.info.status, parent.data.tags[CHOSEN]) == ("FINISHED", done.outcome.chosen.key)
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
        assert run.data.tags["data_sha256"] == done.place.data.sha256
    assert done.outcome.left_out == {}


def test_searched_entries_say_how_many_trials_they_had(done: Done) -> None:
    """And carry what the search found."""
    searched = [record for record in done.outcome.records if record.family == "xgboost"]
    assert [record.trials for record in searched] == [2, 2]
    assert all("learning_rate" in record.params for record in searched)


def test_the_stack_is_made_of_the_best_entries_of_the_best_families(done: Done) -> None:
    """Their params are its own, so it can be fitted again."""
    (stack,) = (record for record in done.outcome.records if record.family == "stack")
    members = [(member["family"], member["treatment"]) for member in stack.params["members"]]
    best: dict[str, Any] = {}
    for record in sorted(done.outcome.records, key=lambda record: -record.mean):
        if record.family != "stack":
            best.setdefault(record.family, (record.family, record.treatment))
    assert members == list(best.values())[:2]


def test_the_chosen_ones_run_holds_a_bundle_that_the_stream_accepts(done: Done, tmp_path: Path) -> None:
    """Audited as the stream does, calibrated at the natural share of frauds, with no figure of the test part."""
    outcome, runs = done.outcome, done.place.runs
    assert outcome.chosen == choose(outcome.records)
    directory = runs.bundle(outcome.run_id, "bundle", tmp_path)
    model = audit(directory, hashlib.sha256((directory / "manifest.json").read_bytes()).hexdigest())
    manifest = model.manifest
    split = split_by_time(done.place.data)
    assert (manifest.algorithm, manifest.mlflow_run_id) == (outcome.chosen.family, outcome.run_id)
    assert manifest.training_window.rows == len(split.train)
    assert all(name.endswith(("_folds", "_validation")) for name in manifest.metrics)
    scores = model.onnx.score(split.validation.matrix(model.plan))
    assert scores.mean() / split.validation.label.mean() == pytest.approx(1, abs=0.1)
    run = done.place.connection.client.get_run(outcome.run_id)
    assert run.data.metrics["onnx_parity"] <= 1e-5


def test_the_same_study_again_is_a_new_one_with_the_same_figures(place: Place) -> None:
    """Nothing is left to go on with, and everything is seeded."""
    first, second = place.run(tiny_plan()), place.run(tiny_plan())
    assert first.study.run_id != second.study.run_id
    assert not second.resumed
    figures = [{record.key: record.pr_auc for record in outcome.records} for outcome in (first, second)]
    assert figures[0] == figures[1]


def test_a_budget_that_is_over_leaves_out_what_is_left_and_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called again, the study goes on with it; what was finished keeps its run."""
    run, ran = training.study.entry_runner.Attempt.run, []

    def once(self: Any, *arguments: Any) -> Any:
        ran.append(self)
        if len(ran) > 1:
            self._budget = replace_budget(self._budget)
        return run(self, *arguments)

    def replace_budget(budget: Any) -> Any:
        budget._end = 0.0
        return budget

    with monkeypatch.context() as patch:
        patch.setattr("training.study.study_runner.WORKERS", 1)
        patch.setattr(training.study.entry_runner.Attempt, "run", once)
        first = place.run(make_plan(), minutes=60)
    assert [record.key for record in first.records] == ["logistic-regression/none"]
    assert set(first.left_out) == {entry.key for entry in entries(make_plan())} - {"logistic-regression/none"}
    assert first.left_out["extra-trees/none"] == "no time was left"
    assert first.left_out["stack/none"] == "2 finished families are needed, there are 1"
    second = place.run(make_plan())
    assert (second.resumed, second.study.run_id, second.left_out) == (True, first.study.run_id, {})
    finished = place.runs.finished(second.study)
    assert len(finished) == len(entries(make_plan()))
    assert finished["logistic-regression/none"][0] == first.run_id


def test_an_entry_that_can_not_be_fitted_does_not_end_the_others(place: Place) -> None:
    """A net with an impossible number of rows fails; the study is whole all the same, for it would fail again."""
    plan = tiny_plan(
        families=[
            {"family": "logistic-regression", "treatments": ["none"]},
            # Hardly any legitimate row is left in the first fold.
            {"family": "extra-trees", "treatments": ["none"], "legitimate_share": 1e-9},
        ]
    )
    outcome = place.run(plan)
    assert outcome.left_out["extra-trees/none"].startswith("failed: DataError: extra-trees cannot learn from")
    assert outcome.chosen.key == "logistic-regression/none"
    latest = place.runs.latest("tiny")
    assert latest is not None
    assert latest.whole


def test_a_study_without_one_finished_entry_says_why(place: Place) -> None:
    """And ends failed."""
    plan = tiny_plan(families=[{"family": "logistic-regression", "treatments": ["none"], "legitimate_share": 1e-9}])
    with pytest.raises(StudyError, match=r"no entry was finished \(failed: DataError"):
        place.run(plan)
    latest = place.runs.latest("tiny")
    assert latest is not None
    assert latest.status == "FAILED"


@pytest.fixture
def too_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every PR-AUC is beyond belief."""
    monkeypatch.setattr("training.study.entry_runner.average_precision_score", lambda *_: MAX_PR_AUC + 0.01)


@pytest.mark.usefixtures("too_good")
def test_a_leak_stops_the_study(place: Place) -> None:
    """At the first figure: no entry is finished, and the run says failed."""
    with pytest.raises(LeakError, match=r"pr-auc-too-good: PR-AUC is 0.980 on a fold, by logistic-regression/"):
        place.run(tiny_plan())
    latest = place.runs.latest("tiny")
    assert latest is not None
    assert latest.status == "FAILED"
    assert place.runs.finished(latest) == {}


@pytest.mark.usefixtures("too_good")
def test_an_accepted_leak_is_recorded(place: Place) -> None:
    """On the study's run, for whoever reads its figures."""
    outcome = place.run(tiny_plan(), accepted=("pr-auc-too-good",))
    assert outcome.accepted.keys() == {"pr-auc-too-good"}
    latest = place.runs.latest("tiny")
    assert latest is not None
    assert latest.accepted == outcome.accepted


@pytest.mark.usefixtures("too_good")
@pytest.mark.parametrize(
    ("plan", "change", "said"),
    [
        (tiny_plan(folds=4), {}, "begun with another plan;"),
        (tiny_plan(), {"split": "stratified-1"}, "begun with another split;"),
        (tiny_plan(), {"data": "other"}, "begun with another data;"),
    ],
)
def test_a_study_goes_on_only_as_what_it_was(place: Place, plan: Any, change: dict[str, Any], said: str) -> None:
    """Another plan, split or data would mix two studies' figures; --fresh begins anew."""
    with pytest.raises(LeakError):
        place.run(tiny_plan())
    data = place.data
    if sha256 := change.pop("data", None):
        data = replace(data, sha256=hashlib.sha256(sha256.encode()).hexdigest())
    elsewhere = Place(place.root, data)
    with pytest.raises(StudyError, match=rf"study tiny \(run \w+\) was {said} .* --fresh"):
        elsewhere.run(plan, **change)
    fresh = elsewhere.run(plan, fresh=True, accepted=("pr-auc-too-good",), **change)
    assert not fresh.resumed


def test_a_search_sees_nothing_later_than_the_training_part(place: Place) -> None:
    """Labels of validation and test are chance, and no figure of any fold changes."""
    plan = tiny_plan()
    before = place.run(plan)
    labels = place.data.label.copy()
    at = len(split_by_time(place.data).train)
    labels[at:] = np.random.default_rng(0).permutation(labels[at:])
    after = Place(place.root, replace(place.data, label=labels)).run(plan, fresh=True)
    for one, other in zip(before.records, after.records, strict=True):
        assert (one.key, one.pr_auc) == (other.key, other.pr_auc)


def test_an_mlflow_that_is_away_is_one_line(make_place: Callable[[], Place], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is fitted."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match=r"MLflow at http://127.0.0.1:9"):
        StudyRuns(make_place().connection)


def test_the_plan_is_kept_with_the_study(done: Done, tmp_path: Path) -> None:
    """As it ran."""
    client = done.place.connection.client
    kept = client.download_artifacts(done.outcome.study.run_id, "plan.json", str(tmp_path))
    assert msgspec.json.decode(Path(kept).read_bytes())["folds"] == PLAN["folds"]


def test_the_alarm_hears_of_the_split_before_anything_runs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leak in the data leaves no study behind."""

    def leak(_: LeakAlarm, __: Any) -> None:
        raise LeakError("row-in-two-parts: x")

    monkeypatch.setattr(LeakAlarm, "check_split", leak)
    with pytest.raises(LeakError):
        place.run(tiny_plan())
    assert place.runs.latest("tiny") is None

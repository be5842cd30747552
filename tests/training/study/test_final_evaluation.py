"""Evaluations on the test set, and the comparison with the champion."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import average_precision_score

from schemas.errors import LeakError, StudyError
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from tests.training.study.conftest import Workspace, make_plan
from training.data.dataset import Dataset
from training.data.leaks import LeakAlarm
from training.data.split import split_by_time
from training.evaluation.costs import Costs
from training.registry.register import register
from training.registry.runs import MlflowRuns
from training.registry.versions import CHAMPION, Registry
from training.study.compare import compare_study, save_page, summary_lines
from training.study.evaluation_record import FinalEvaluation
from training.study.final_evaluation import evaluate_test_set
from training.study.paired import paired_difference
from training.study.study import StudyOutcome


@dataclass(frozen=True)
class TwoStudies:
    """A champion from one study and the chosen model of another."""

    workspace: Workspace
    registry: Registry
    store: BundleStore
    champion: StudyOutcome
    challenger: StudyOutcome

    def evaluate(
        self, name: str = "challenger", data: Dataset | None = None, *, again: bool = False
    ) -> FinalEvaluation:
        """Evaluate a study's chosen model and the champion on the test set."""
        runs = self.workspace.runs
        return evaluate_test_set(
            runs.require(name),
            data or self.workspace.data,
            runs=runs,
            registry=self.registry,
            store=self.store,
            alarm=LeakAlarm(lambda _: None),
            costs=Costs(),
            again=again,
        )


@pytest.fixture
def two_studies(make_workspace: Callable[[], Workspace]) -> TwoStudies:
    """The champion is a logistic regression; a later study on the same folds chose extra trees."""
    workspace = make_workspace()

    def run(name: str, family: str) -> StudyOutcome:
        return workspace.run(make_plan(name=name, seeds=[0], families=[{"family": family, "treatments": ["none"]}]))

    champion, challenger = run("champion", "logistic-regression"), run("challenger", "extra-trees")
    registry, store = Registry(workspace.connection), BundleStore(str(workspace.root / "bundles"))
    version = register(champion.run_id, registry, MlflowRuns(workspace.connection), store)
    registry.set_alias(CHAMPION, version.number)
    return TwoStudies(workspace, registry, store, champion, challenger)


def test_the_test_part_is_evaluated_once_and_every_evaluation_is_counted(two_studies: TwoStudies) -> None:
    """Both models get metrics with intervals and paired differences. A second evaluation needs `again`."""
    evaluation = two_studies.evaluate()
    assert evaluation.number == 1
    assert evaluation.champion is not None
    assert (evaluation.selected.algorithm, evaluation.champion.algorithm) == ("extra-trees", "logistic-regression")
    for name in ("pr_auc", "roc_auc", "f1", "comparison_f1", "expected_cost", "brier"):
        metric, difference = evaluation.selected.metrics[name], evaluation.differences[name]
        assert metric.low <= metric.value <= metric.high
        assert difference.value == pytest.approx(metric.value - evaluation.champion.metrics[name].value)
    test = split_by_time(two_studies.workspace.data).test
    champion = read_bundle(two_studies.store, two_studies.registry.find(CHAMPION).bundle)
    by_hand = average_precision_score(test.label, champion.onnx.score(test.matrix(champion.plan)))
    assert evaluation.champion.metrics["pr_auc"].value == pytest.approx(by_hand)

    with pytest.raises(StudyError, match=r"the test set of study challenger has been evaluated already .* --again"):
        two_studies.evaluate()
    assert two_studies.evaluate(again=True).number == 2
    runs = two_studies.workspace.runs
    study = runs.require("challenger")
    assert study.evaluations == 2
    assert (study.tags["look_1"], study.tags["look_2"]) == ("final evaluation", "again")
    history = two_studies.workspace.connection.client.get_metric_history(study.run_id, "looks")
    assert [metric.value for metric in history] == [1, 2]
    last = runs.last_evaluation(study)
    assert last is not None
    assert last.number == 2
    assert last.selected.metrics == evaluation.selected.metrics


def test_an_evaluation_that_fails_counts(two_studies: TwoStudies, monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation is counted before any row is read, even if the leak alarm stops it afterwards."""

    def implausible(_: LeakAlarm, __: float, where: str) -> None:
        raise LeakError(f"pr-auc-too-good: {where}")

    with monkeypatch.context() as patch:
        patch.setattr(LeakAlarm, "check_pr_auc", implausible)
        with pytest.raises(LeakError, match="the test set, by extra-trees/none"):
            two_studies.evaluate()
    assert two_studies.workspace.runs.require("challenger").evaluations == 1


def test_without_a_champion_the_chosen_model_is_evaluated_alone(two_studies: TwoStudies) -> None:
    """After the very first study there is no champion, so the chosen model is evaluated alone."""
    two_studies.registry.drop_alias(CHAMPION)
    evaluation = two_studies.evaluate()
    assert (evaluation.champion, evaluation.differences) == (None, {})


def test_other_data_are_refused_before_the_evaluation_is_counted(two_studies: TwoStudies) -> None:
    """Other data are rejected, because their test set differs and may even contain the study's training split."""
    other = replace(two_studies.workspace.data, sha256="0" * 64)
    with pytest.raises(StudyError, match=r"study challenger was run on different data; give its data with --data"):
        two_studies.evaluate(data=other)
    assert two_studies.workspace.runs.require("challenger").evaluations == 0


def test_a_study_without_a_chosen_model_cannot_be_evaluated(
    two_studies: TwoStudies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evaluating a study without a chosen model fails with an error that says to resume the study first."""

    def fails(*_: Any, **__: Any) -> None:
        raise StudyError("nothing")

    monkeypatch.setattr("training.study.study.refit", fails)
    plan = make_plan(name="cut", seeds=[0], families=[{"family": "logistic-regression", "treatments": ["none"]}])
    with pytest.raises(StudyError, match="nothing"):
        two_studies.workspace.run(plan)
    with pytest.raises(StudyError, match=r"study cut has not chosen a model yet; resume it"):
        two_studies.evaluate("cut")


def test_a_study_is_compared_with_the_champion(two_studies: TwoStudies, tmp_path: Path) -> None:
    """The comparison shows the paired difference on the same folds, and its page is saved to a file and to MLflow."""
    runs = two_studies.workspace.runs
    study = runs.require("challenger")
    comparison = compare_study(study, runs, two_studies.registry)
    assert comparison.champion == "version 1, logistic-regression/none of study champion"
    assert comparison.on_folds == paired_difference(two_studies.challenger.chosen, two_studies.champion.chosen)
    assert any("has not been evaluated yet" in line for line in summary_lines(comparison))
    two_studies.evaluate()
    comparison = compare_study(study, runs, two_studies.registry)
    assert any("on the test set (evaluation 1)" in line for line in summary_lines(comparison))
    out = tmp_path / "pages" / "compare.html"
    save_page(comparison, study, runs, out)
    kept = two_studies.workspace.connection.client.download_artifacts(study.run_id, "compare.html", str(tmp_path))
    assert Path(kept).read_text() == out.read_text()
    assert "compared with champion, version 1" in out.read_text()


def test_a_champion_from_other_folds_is_not_compared_by_fold(two_studies: TwoStudies) -> None:
    """A champion from other folds is not compared by fold, and its description gives the reason."""
    families = [{"family": "extra-trees", "treatments": ["none"]}]
    two_studies.workspace.run(make_plan(name="other-folds", seeds=[0], folds=2, families=families))
    runs = two_studies.workspace.runs
    comparison = compare_study(runs.require("other-folds"), runs, two_studies.registry)
    assert comparison.champion.endswith("of study champion, which used different data or folds")
    assert comparison.on_folds is None
    two_studies.registry.drop_alias(CHAMPION)
    assert compare_study(runs.require("other-folds"), runs, two_studies.registry).champion == "none yet"


def test_a_page_that_cannot_be_written_is_an_error(two_studies: TwoStudies, tmp_path: Path) -> None:
    """Saving the page fails with an error if its path is a directory."""
    runs = two_studies.workspace.runs
    study = runs.require("challenger")
    with pytest.raises(StudyError, match=r"cannot write to .* \(Is a directory\); choose another file with --out"):
        save_page(compare_study(study, runs, two_studies.registry), study, runs, tmp_path)


def test_an_evaluation_does_not_change_the_runs_of_entries(two_studies: TwoStudies) -> None:
    """Metrics on the test set are stored with the study, so no leaderboard can show them."""
    runs = two_studies.workspace.runs
    study = runs.require("challenger")
    before = runs.finished(study)
    client = two_studies.workspace.connection.client
    metrics = client.get_run(two_studies.challenger.run_id).data.metrics
    two_studies.evaluate()
    assert runs.finished(study) == before
    assert client.get_run(two_studies.challenger.run_id).data.metrics == metrics

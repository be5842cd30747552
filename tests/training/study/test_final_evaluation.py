"""Evaluations on the test part, and the comparison with the champion."""

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
from training.study.final_evaluation import evaluate_test_set
from training.study.paired import paired_difference
from training.study.study import StudyOutcome
from training.study.test_evaluation import FinalEvaluation


@dataclass(frozen=True)
class Duel:
    """A champion from one study and the chosen model of another."""

    workspace: Workspace
    registry: Registry
    store: BundleStore
    champion: StudyOutcome
    challenger: StudyOutcome

    def evaluate(
        self, name: str = "challenger", data: Dataset | None = None, *, again: bool = False
    ) -> FinalEvaluation:
        """Evaluate a study's chosen model and the champion on the test part."""
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
def duel(make_workspace: Callable[[], Workspace]) -> Duel:
    """A logistic regression is champion; a later study on the same folds chose extra trees."""
    workspace = make_workspace()

    def run(name: str, family: str) -> StudyOutcome:
        return workspace.run(make_plan(name=name, seeds=[0], families=[{"family": family, "treatments": ["none"]}]))

    champion, challenger = run("champion", "logistic-regression"), run("challenger", "extra-trees")
    registry, store = Registry(workspace.connection), BundleStore(str(workspace.root / "bundles"))
    version = register(champion.run_id, registry, MlflowRuns(workspace.connection), store)
    registry.set_alias(CHAMPION, version.number)
    return Duel(workspace, registry, store, champion, challenger)


def test_the_test_part_is_evaluated_once_and_every_evaluation_is_counted(duel: Duel) -> None:
    """Both models get figures with intervals and paired differences; a second evaluation needs `again`."""
    evaluation = duel.evaluate()
    assert evaluation.number == 1
    assert evaluation.champion is not None
    assert (evaluation.selected.algorithm, evaluation.champion.algorithm) == ("extra-trees", "logistic-regression")
    for name in ("pr_auc", "roc_auc", "f1", "comparison_f1", "expected_cost", "brier"):
        metric, difference = evaluation.selected.metrics[name], evaluation.differences[name]
        assert metric.low <= metric.value <= metric.high
        assert difference.value == pytest.approx(metric.value - evaluation.champion.metrics[name].value)
    test = split_by_time(duel.workspace.data).test
    champion = read_bundle(duel.store, duel.registry.find(CHAMPION).bundle)
    by_hand = average_precision_score(test.label, champion.onnx.score(test.matrix(champion.plan)))
    assert evaluation.champion.metrics["pr_auc"].value == pytest.approx(by_hand)

    with pytest.raises(StudyError, match=r"the test part of study challenger was evaluated 1 times before; .* --again"):
        duel.evaluate()
    assert duel.evaluate(again=True).number == 2
    runs = duel.workspace.runs
    study = runs.require("challenger")
    assert study.evaluations == 2
    assert (study.tags["look_1"], study.tags["look_2"]) == ("final evaluation", "again")
    history = duel.workspace.connection.client.get_metric_history(study.run_id, "looks")
    assert [metric.value for metric in history] == [1, 2]
    last = runs.last_evaluation(study)
    assert last is not None
    assert last.number == 2
    assert last.selected.metrics == evaluation.selected.metrics


def test_an_evaluation_that_fails_counts(duel: Duel, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted before any row is read; here an implausible PR-AUC stops it afterwards."""

    def implausible(_: LeakAlarm, __: float, where: str) -> None:
        raise LeakError(f"pr-auc-too-good: {where}")

    with monkeypatch.context() as patch:
        patch.setattr(LeakAlarm, "check_pr_auc", implausible)
        with pytest.raises(LeakError, match="the test part, by extra-trees/none"):
            duel.evaluate()
    assert duel.workspace.runs.require("challenger").evaluations == 1


def test_without_a_champion_the_chosen_model_is_evaluated_alone(duel: Duel) -> None:
    """This is the case after the very first study."""
    duel.registry.drop_alias(CHAMPION)
    evaluation = duel.evaluate()
    assert (evaluation.champion, evaluation.differences) == (None, {})


def test_other_data_are_refused_before_the_evaluation_is_counted(duel: Duel) -> None:
    """Their test part is a different one, or even contains the training part of the study."""
    other = replace(duel.workspace.data, sha256="0" * 64)
    with pytest.raises(StudyError, match=r"study challenger was run on other data; name them with --data"):
        duel.evaluate(data=other)
    assert duel.workspace.runs.require("challenger").evaluations == 0


def test_a_study_without_a_chosen_model_cannot_be_evaluated(duel: Duel, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has to be resumed first."""

    def fails(*_: Any, **__: Any) -> None:
        raise StudyError("nothing")

    monkeypatch.setattr("training.study.study.refit", fails)
    plan = make_plan(name="cut", seeds=[0], families=[{"family": "logistic-regression", "treatments": ["none"]}])
    with pytest.raises(StudyError, match="nothing"):
        duel.workspace.run(plan)
    with pytest.raises(StudyError, match=r"study cut has not chosen a model yet; resume it"):
        duel.evaluate("cut")


def test_a_study_is_compared_with_the_champion(duel: Duel, tmp_path: Path) -> None:
    """The paired difference on the same folds is on the page, in the terminal's lines and in MLflow."""
    runs = duel.workspace.runs
    study = runs.require("challenger")
    comparison = compare_study(study, runs, duel.registry)
    assert comparison.champion == "version 1, logistic-regression/none of study champion"
    assert comparison.on_folds == paired_difference(duel.challenger.chosen, duel.champion.chosen)
    assert any("has not been evaluated yet" in line for line in summary_lines(comparison))
    duel.evaluate()
    comparison = compare_study(study, runs, duel.registry)
    assert any("on the test part (evaluation 1)" in line for line in summary_lines(comparison))
    out = tmp_path / "pages" / "compare.html"
    save_page(comparison, study, runs, out)
    kept = duel.workspace.connection.client.download_artifacts(study.run_id, "compare.html", str(tmp_path))
    assert Path(kept).read_text() == out.read_text()
    assert "compared with champion, version 1" in out.read_text()


def test_a_champion_from_other_folds_is_not_compared_by_fold(duel: Duel) -> None:
    """The description of the champion gives the reason."""
    families = [{"family": "extra-trees", "treatments": ["none"]}]
    duel.workspace.run(make_plan(name="other-folds", seeds=[0], folds=2, families=families))
    runs = duel.workspace.runs
    comparison = compare_study(runs.require("other-folds"), runs, duel.registry)
    assert comparison.champion.endswith("of study champion, which had other data or folds")
    assert comparison.on_folds is None
    duel.registry.drop_alias(CHAMPION)
    assert compare_study(runs.require("other-folds"), runs, duel.registry).champion == "none yet"


def test_a_page_that_cannot_be_written_is_an_error(duel: Duel, tmp_path: Path) -> None:
    """The path is a directory."""
    runs = duel.workspace.runs
    study = runs.require("challenger")
    with pytest.raises(StudyError, match=r"cannot be written \(Is a directory\); choose another --out"):
        save_page(compare_study(study, runs, duel.registry), study, runs, tmp_path)


def test_an_evaluation_does_not_change_the_runs_of_entries(duel: Duel) -> None:
    """Figures of the test part are stored with the study, so no leaderboard can show them."""
    runs = duel.workspace.runs
    study = runs.require("challenger")
    before = runs.finished(study)
    client = duel.workspace.connection.client
    metrics = client.get_run(duel.challenger.run_id).data.metrics
    duel.evaluate()
    assert runs.finished(study) == before
    assert client.get_run(duel.challenger.run_id).data.metrics == metrics

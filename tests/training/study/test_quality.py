"""Metrics over seeds: every seed is reported, no split is measured twice, and every evaluation is counted."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from rich.console import Console

from schemas.errors import StudyError
from stream.models.bundle_store import BundleStore
from tests.training.study.conftest import Workspace, make_plan
from training.data.featureset import DEFAULT
from training.data.leaks import LeakAlarm
from training.evaluation.costs import Costs
from training.machine import describe_machine
from training.registry.register import register
from training.registry.runs import MlflowRuns
from training.registry.versions import CHAMPION, Registry
from training.study.final_evaluation import evaluate_test_set
from training.study.paired import t_interval
from training.study.progress import StudyProgress
from training.study.quality import QualityRunner
from training.study.quality_page import QualityPage
from training.study.search import open_storage
from training.study.study import StudyOutcome

SEEDS = (0, 1)
PLAN = make_plan(name="tiny", seeds=[0], families=[{"family": "extra-trees", "treatments": ["none"]}])


@pytest.fixture
def studied(make_workspace: Callable[[], Workspace]) -> tuple[Workspace, StudyOutcome, QualityRunner]:
    """A workspace with one finished study, and a runner that measures it."""
    workspace = make_workspace()
    outcome = workspace.run(PLAN)
    runner = QualityRunner(
        workspace.data,
        DEFAULT,
        workspace.runs,
        Registry(workspace.connection),
        BundleStore(str(workspace.root / "bundles")),
        open_storage(f"sqlite:///{workspace.root / 'trials.db'}"),
        StudyProgress(Console(quiet=True)),
    )
    return workspace, outcome, runner


def test_figures_over_seeds_and_their_page(studied: tuple[Workspace, StudyOutcome, QualityRunner]) -> None:
    """The page has a row for each seed and for the mean. A champion trained on a split's test rows is not compared."""
    workspace, outcome, runner = studied
    version = register(outcome.run_id, runner.registry, MlflowRuns(workspace.connection), runner.store)
    runner.registry.set_alias(CHAMPION, version.number)
    evaluation = evaluate_test_set(
        workspace.runs.require("tiny"),
        workspace.data,
        runs=workspace.runs,
        registry=runner.registry,
        store=runner.store,
        alarm=LeakAlarm(lambda _: None),
        costs=Costs(),
        again=False,
    )
    assert evaluation.champion is not None
    by_split = runner.over_splits(PLAN, SEEDS)
    by_model = runner.over_model_seeds(workspace.runs.require("tiny"), SEEDS)
    study = workspace.runs.require("tiny")
    assert study.evaluations == 2
    for measured in (by_split, by_model):
        assert [each.seed for each in measured] == list(SEEDS)
        assert {each.chosen for each in measured} == {"extra-trees/none"}
        first, second = (each.metrics["pr_auc"].value for each in measured)
        assert first != second
    # The study itself was fitted with seed 0.
    assert by_model[0].metrics["pr_auc"].value == pytest.approx(evaluation.selected.metrics["pr_auc"].value)
    for seed in SEEDS:
        split = workspace.runs.require(f"tiny-stratified-{seed}")
        last = workspace.runs.last_evaluation(split)
        assert last is not None
        assert (split.evaluations, last.champion) == (1, None)
        assert last.left_out.startswith(
            f"the champion, version {version.number}, was trained on data from the period of this test"
        )

    assert runner.over_splits(PLAN, SEEDS) == by_split  # the splits were measured before
    assert workspace.runs.require("tiny-stratified-0").evaluations == 1

    records = [record for _, record in workspace.runs.finished(study).values()]
    machine = describe_machine(())
    page = QualityPage(
        study, records, evaluation, by_split, PLAN.name, by_model, machine, "fraud-train quality"
    ).markdown()
    assert (
        page.count("\n| 0 | extra-trees/none |")
        == page.count("\n| 1 | extra-trees/none |")
        == len((by_split, by_model))
    )
    for measured in (by_split, by_model):
        mean = t_interval(np.array([each.metrics["pr_auc"].value for each in measured]))
        assert f"| mean |  | **{mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f})** |" in page


def test_another_plan_of_the_same_name_is_run_again(studied: tuple[Workspace, StudyOutcome, QualityRunner]) -> None:
    """A changed plan with the same name is run again, instead of reporting the metrics of the first plan."""
    workspace, _, runner = studied
    runner.over_splits(PLAN, SEEDS[:1])
    families = [{"family": "logistic-regression", "treatments": ["none"]}]
    (other,) = runner.over_splits(make_plan(name="tiny", seeds=[0], families=families), SEEDS[:1])
    assert other.chosen == "logistic-regression/none"
    assert workspace.runs.require("tiny-stratified-0").evaluations == 1


def test_features_that_a_study_was_not_run_with_are_refused(
    studied: tuple[Workspace, StudyOutcome, QualityRunner],
) -> None:
    """Features that differ from the study's cause an error before the test set is evaluated."""
    workspace, _, runner = studied
    other = msgspec.structs.replace(DEFAULT, derived=("log_amount",))
    runner = QualityRunner(**{**vars(runner), "features": other})
    with pytest.raises(StudyError, match=r"study tiny was run with different features; .* --features"):
        runner.over_model_seeds(workspace.runs.require("tiny"), SEEDS)
    assert workspace.runs.require("tiny").evaluations == 0

"""Figures over seeds: every seed is shown, nothing is measured twice, every look is counted."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from rich.console import Console

from schemas.errors import StudyError
from stream.models.bundle_store import BundleStore
from tests.training.study.conftest import Place, make_plan
from training.data.featureset import DEFAULT
from training.data.leaks import LeakAlarm
from training.evaluation.costs import Costs
from training.machine import describe_machine
from training.registry.register import register
from training.registry.runs import Runs
from training.registry.versions import CHAMPION, Registry
from training.study.final import look_at_test
from training.study.paired import t_interval
from training.study.progress import StudyProgress
from training.study.quality import Quality
from training.study.quality_page import QualityPage
from training.study.search import open_storage
from training.study.study import Outcome

SEEDS = (0, 1)
PLAN = make_plan(name="tiny", seeds=[0], families=[{"family": "extra-trees", "treatments": ["none"]}])


@pytest.fixture
def studied(make_place: Callable[[], Place]) -> tuple[Place, Outcome, Quality]:
    """A place with one finished study, and what measures it."""
    place = make_place()
    outcome = place.run(PLAN)
    measurer = Quality(
        place.data,
        DEFAULT,
        place.runs,
        Registry(place.connection),
        BundleStore(str(place.root / "bundles")),
        open_storage(f"sqlite:///{place.root / 'trials.db'}"),
        StudyProgress(Console(quiet=True)),
    )
    return place, outcome, measurer


def test_figures_over_seeds_and_their_page(studied: tuple[Place, Outcome, Quality]) -> None:
    """One row a seed with its intervals, the mean below; a champion that knows a split's test rows is not compared."""
    place, outcome, measurer = studied
    version = register(outcome.run_id, measurer.registry, Runs(place.connection), measurer.store)
    measurer.registry.set_alias(CHAMPION, version.number)
    look = look_at_test(
        place.runs.require("tiny"),
        place.data,
        runs=place.runs,
        registry=measurer.registry,
        store=measurer.store,
        alarm=LeakAlarm(lambda _: None),
        costs=Costs(),
        again=False,
    )
    assert look.champion is not None
    by_split = measurer.over_splits(PLAN, SEEDS)
    by_model = measurer.over_model_seeds(place.runs.require("tiny"), SEEDS)
    study = place.runs.require("tiny")
    assert study.looks == 2
    for measured in (by_split, by_model):
        assert [each.seed for each in measured] == list(SEEDS)
        assert {each.chosen for each in measured} == {"extra-trees/none"}
        first, second = (each.metrics["pr_auc"].value for each in measured)
        assert first != second
    # Seed 0 is what the study itself was fitted with.
    assert by_model[0].metrics["pr_auc"].value == pytest.approx(look.selected.metrics["pr_auc"].value)
    for seed in SEEDS:
        split = place.runs.require(f"tiny-stratified-{seed}")
        seen = place.runs.last_look(split)
        assert seen is not None
        assert (split.looks, seen.champion) == (1, None)
        assert seen.left_out.startswith(f"the champion, version {version.number}, learnt from the time of this test")

    assert measurer.over_splits(PLAN, SEEDS) == by_split  # measured before
    assert place.runs.require("tiny-stratified-0").looks == 1

    records = [record for _, record in place.runs.finished(study).values()]
    machine = describe_machine(())
    page = QualityPage(study, records, look, by_split, PLAN.name, by_model, machine, "fraud-train quality").markdown()
    assert (
        page.count("\n| 0 | extra-trees/none |")
        == page.count("\n| 1 | extra-trees/none |")
        == len((by_split, by_model))
    )
    for measured in (by_split, by_model):
        mean = t_interval(np.array([each.metrics["pr_auc"].value for each in measured]))
        assert f"| mean |  | **{mean.value:.3f} ({mean.low:.3f} to {mean.high:.3f})** |" in page


def test_another_plan_is_studied_anew(studied: tuple[Place, Outcome, Quality]) -> None:
    """Figures of another plan under the same name would be passed off as this one's."""
    place, _, measurer = studied
    measurer.over_splits(PLAN, SEEDS[:1])
    families = [{"family": "logistic-regression", "treatments": ["none"]}]
    (other,) = measurer.over_splits(make_plan(name="tiny", seeds=[0], families=families), SEEDS[:1])
    assert other.chosen == "logistic-regression/none"
    assert place.runs.require("tiny-stratified-0").looks == 1


def test_what_a_study_was_not_run_on_is_refused(studied: tuple[Place, Outcome, Quality]) -> None:
    """Before anybody looks at the test part."""
    place, _, measurer = studied
    other = msgspec.structs.replace(DEFAULT, derived=("log_amount",))
    measurer = Quality(**{**vars(measurer), "features": other})
    with pytest.raises(StudyError, match="study tiny was run with other features; give them with --features"):
        measurer.over_model_seeds(place.runs.require("tiny"), SEEDS)
    assert place.runs.require("tiny").looks == 0

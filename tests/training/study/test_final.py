"""Looks at the test part, and the comparison with the champion."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import average_precision_score

from schemas.errors import LeakError, StudyError
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from tests.training.study.conftest import Place, make_plan
from training.data.dataset import Dataset
from training.data.leaks import LeakAlarm
from training.data.split import split_by_time
from training.evaluation.costs import Costs
from training.registry.register import register
from training.registry.runs import Runs
from training.registry.versions import CHAMPION, Registry
from training.study.compare import save, study_comparison, summary
from training.study.final import look_at_test
from training.study.paired import paired_difference
from training.study.study import Outcome
from training.study.test_evaluation import Look


@dataclass(frozen=True)
class Duel:
    """A champion from one study and the chosen model of another."""

    place: Place
    registry: Registry
    store: BundleStore
    champion: Outcome
    challenger: Outcome

    def look(self, name: str = "challenger", data: Dataset | None = None, *, again: bool = False) -> Look:
        """Look at the test part."""
        runs = self.place.runs
        return look_at_test(
            runs.require(name),
            data or self.place.data,
            runs=runs,
            registry=self.registry,
            store=self.store,
            alarm=LeakAlarm(lambda _: None),
            costs=Costs(),
            again=again,
        )


@pytest.fixture
def duel(make_place: Callable[[], Place]) -> Duel:
    """A logistic regression is champion; extra trees were chosen later, on the same folds."""
    place = make_place()

    def run(name: str, family: str) -> Outcome:
        return place.run(make_plan(name=name, seeds=[0], families=[{"family": family, "treatments": ["none"]}]))

    champion, challenger = run("champion", "logistic-regression"), run("challenger", "extra-trees")
    registry, store = Registry(place.connection), BundleStore(str(place.root / "bundles"))
    version = register(champion.run_id, registry, Runs(place.connection), store)
    registry.set_alias(CHAMPION, version.number)
    return Duel(place, registry, store, champion, challenger)


def test_the_test_part_is_looked_at_once_and_every_look_is_counted(duel: Duel) -> None:
    """Both models, each figure with its interval, paired differences; a second look must be asked for and is kept."""
    look = duel.look()
    assert look.number == 1
    assert look.champion is not None
    assert (look.selected.algorithm, look.champion.algorithm) == ("extra-trees", "logistic-regression")
    for name in ("pr_auc", "roc_auc", "f1", "comparison_f1", "expected_cost", "brier"):
        metric, difference = look.selected.metrics[name], look.differences[name]
        assert metric.low <= metric.value <= metric.high
        assert difference.value == pytest.approx(metric.value - look.champion.metrics[name].value)
    test = split_by_time(duel.place.data).test
    champion = read_bundle(duel.store, duel.registry.find(CHAMPION).bundle)
    by_hand = average_precision_score(test.label, champion.onnx.score(test.matrix(champion.plan)))
    assert look.champion.metrics["pr_auc"].value == pytest.approx(by_hand)

    with pytest.raises(StudyError, match=r"was looked at 1 times for study challenger; .* --again"):
        duel.look()
    assert duel.look(again=True).number == 2
    runs = duel.place.runs
    study = runs.require("challenger")
    assert study.looks == 2
    assert (study.tags["look_1"], study.tags["look_2"]) == ("final evaluation", "again")
    history = duel.place.connection.client.get_metric_history(study.run_id, "looks")
    assert [metric.value for metric in history] == [1, 2]
    last = runs.last_look(study)
    assert last is not None
    assert last.number == 2
    assert last.selected.metrics == look.selected.metrics


def test_a_look_that_fails_was_taken_all_the_same(duel: Duel, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted before a row is seen: a PR-AUC beyond belief stops it after that."""

    def beyond_belief(_: LeakAlarm, __: float, where: str) -> None:
        raise LeakError(f"pr-auc-too-good: {where}")

    with monkeypatch.context() as patch:
        patch.setattr(LeakAlarm, "check_pr_auc", beyond_belief)
        with pytest.raises(LeakError, match="the test part, by extra-trees/none"):
            duel.look()
    assert duel.place.runs.require("challenger").looks == 1


def test_without_a_champion_the_chosen_model_is_looked_at_alone(duel: Duel) -> None:
    """As at the very first study."""
    duel.registry.drop_alias(CHAMPION)
    look = duel.look()
    assert (look.champion, look.differences) == (None, {})


def test_other_data_are_refused_before_the_look_is_counted(duel: Duel) -> None:
    """Their test part is another, or worse, the study's training part."""
    other = replace(duel.place.data, sha256="0" * 64)
    with pytest.raises(StudyError, match=r"study challenger was run on other data; give them with --data"):
        duel.look(data=other)
    assert duel.place.runs.require("challenger").looks == 0


def test_a_study_that_chose_nothing_has_nothing_to_look_with(duel: Duel, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is to be gone on with."""

    def fails(*_: Any, **__: Any) -> None:
        raise StudyError("nothing")

    monkeypatch.setattr("training.study.study.refit", fails)
    plan = make_plan(name="cut", seeds=[0], families=[{"family": "logistic-regression", "treatments": ["none"]}])
    with pytest.raises(StudyError, match="nothing"):
        duel.place.run(plan)
    with pytest.raises(StudyError, match=r"study cut has not chosen a model yet; go on with it"):
        duel.look("cut")


def test_the_comparison_stands_beside_the_champion(duel: Duel, tmp_path: Path) -> None:
    """On the same folds, with the paired difference; on the page, in the terminal's lines and in MLflow."""
    runs = duel.place.runs
    study = runs.require("challenger")
    comparison = study_comparison(study, runs, duel.registry)
    assert comparison.champion == "version 1, logistic-regression/none of study champion"
    assert comparison.on_folds == paired_difference(duel.challenger.chosen, duel.champion.chosen)
    assert any("nobody has looked" in line for line in summary(comparison))
    duel.look()
    comparison = study_comparison(study, runs, duel.registry)
    assert any("on the test part (look 1)" in line for line in summary(comparison))
    out = tmp_path / "pages" / "compare.html"
    save(comparison, study, runs, out)
    kept = duel.place.connection.client.download_artifacts(study.run_id, "compare.html", str(tmp_path))
    assert Path(kept).read_text() == out.read_text()
    assert "beside champion, version 1" in out.read_text()


def test_a_champion_of_other_folds_is_not_compared_by_fold(duel: Duel) -> None:
    """Nor one of no study at all; the words say why."""
    families = [{"family": "extra-trees", "treatments": ["none"]}]
    duel.place.run(make_plan(name="other-folds", seeds=[0], folds=2, families=families))
    runs = duel.place.runs
    comparison = study_comparison(runs.require("other-folds"), runs, duel.registry)
    assert comparison.champion.endswith("of study champion, which had other data or folds")
    assert comparison.on_folds is None
    duel.registry.drop_alias(CHAMPION)
    assert study_comparison(runs.require("other-folds"), runs, duel.registry).champion == "none yet"


def test_a_page_that_can_not_be_written_is_one_line(duel: Duel, tmp_path: Path) -> None:
    """A folder stands there."""
    runs = duel.place.runs
    study = runs.require("challenger")
    with pytest.raises(StudyError, match=r"cannot be written \(Is a directory\); name another place with --out"):
        save(study_comparison(study, runs, duel.registry), study, runs, tmp_path)


def test_leaderboards_can_not_show_what_a_record_does_not_hold(duel: Duel) -> None:
    """Looks change no entry's run: the test part's figures are kept with the study, apart from all entries."""
    runs = duel.place.runs
    study = runs.require("challenger")
    before = runs.finished(study)
    client = duel.place.connection.client
    metrics = client.get_run(duel.challenger.run_id).data.metrics
    duel.look()
    assert runs.finished(study) == before
    assert client.get_run(duel.challenger.run_id).data.metrics == metrics

"""A daily alert budget, from the command line or the plan to the policy in the bundle."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

import training.models.families
from schemas.errors import DataError, StudyError
from stream.models.bundle import LoadedModel, read_bundle
from stream.models.bundle_store import BundleStore
from stream.scoring.policy import severities
from tests.training.frames import make_frame
from tests.training.study.conftest import PLAN, hard_frame
from training.cli import cli
from training.data.dataset import load
from training.data.split import split_by_time
from training.registry.connection import connect
from training.registry.runs import MlflowRuns
from training.registry.versions import Registry
from training.study.recipe import recipe_of
from training.study.runs import StudyRuns

#: The validation split covers a few minutes, in which a daily budget of this size allows about forty alerts.
ALERTS_PER_DAY = 10_000
STUDY = PLAN | {
    "seeds": [0],
    "families": [{"family": "logistic-regression", "treatments": ["none"]}],
    "alerts_per_day": ALERTS_PER_DAY,
}
MS_PER_DAY = 86_400_000
Run = Callable[..., str]


@pytest.fixture
def run(empty_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `fraud-train` in a temporary directory without Kafka, and return its output."""
    (tmp_path / "var").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "var")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training.models.families, "TREES", 20)
    for name in ("MLFLOW_TRACKING_URI", "FRAUD_KAFKA_BOOTSTRAP", "FRAUD_BUNDLE_STORE"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> str:
        cli.main(arguments, prog_name="fraud-train", standalone_mode=False)
        return capfd.readouterr().out

    return call


def registered_models() -> list[LoadedModel]:
    """Return the models of all registered versions, in order of their numbers."""
    versions, store = Registry(connect(Path("var"))).all(), BundleStore("bundles")
    return [read_bundle(store, version.bundle) for version in sorted(versions, key=lambda each: int(each.number))]


def count_alerts(model: LoadedModel, alerts_per_day: int) -> tuple[int, int]:
    """Return how many alerts the policy raises on the validation split, and how many the budget allows."""
    validation = split_by_time(load("data.parquet")).validation
    scores = model.onnx.score(validation.matrix(model.plan))
    alerts = int(np.count_nonzero(severities(scores, model.manifest.policy, validation.amount_minor)))
    return alerts, int(alerts_per_day * np.ptp(validation.event_time_ms) / MS_PER_DAY)


def recorded_budget(model: LoadedModel) -> int | None:
    """Return the budget in the recipe that retraining reads for a model."""
    connection = connect(Path("var"))
    return recipe_of(model.manifest.mlflow_run_id, MlflowRuns(connection), StudyRuns(connection)).alerts_per_day


def test_the_baseline_raises_as_many_alerts_as_the_budget_allows(run: Run) -> None:
    """The manifest and recipe of every model record the budget, and retraining reads the budget from the recipe."""
    make_frame().write_parquet("data.parquet")
    run("baseline", "--data", "data.parquet", "--store", "bundles", "--alerts-per-day", str(ALERTS_PER_DAY))
    models = registered_models()
    assert [model.manifest.policy.version for model in models] == [
        "lightgbm-budget",
        "xgboost-budget",
        "extra-trees-budget",
    ]
    for model in models:
        alerts, allowed = count_alerts(model, ALERTS_PER_DAY)
        assert 0.9 * allowed <= alerts <= allowed
        assert model.manifest.policy.kind == "expected_loss"
        assert recorded_budget(model) == ALERTS_PER_DAY


@pytest.mark.parametrize(("option", "alerts_per_day"), [((), ALERTS_PER_DAY), (("--alerts-per-day", "4000"), 4000)])
def test_a_study_takes_the_budget_from_its_plan_or_its_option(
    run: Run, option: tuple[str, ...], alerts_per_day: int
) -> None:
    """The --alerts-per-day option overrides the plan, and the registered bundle contains the policy."""
    hard_frame().write_parquet("data.parquet")
    Path("plan.yaml").write_text(yaml.safe_dump(STUDY))
    output = run("study", "--data", "data.parquet", "--plan", "plan.yaml", *option)
    register_command = re.search(r"fraud-train register (\w+)", output)
    assert register_command is not None
    run("register", register_command[1], "--store", "bundles")
    (model,) = registered_models()
    assert model.manifest.policy.version == "logistic-regression-budget"
    alerts, allowed = count_alerts(model, alerts_per_day)
    assert 0.9 * allowed <= alerts <= allowed
    assert recorded_budget(model) == alerts_per_day


@pytest.mark.parametrize("plan", ["alerts_per_day: 0", "alerts_per_day: many"])
def test_a_budget_in_a_plan_is_a_positive_number(run: Run, plan: str) -> None:
    """A budget in a plan that is not a positive number causes an error that names the field."""
    make_frame(200).write_parquet("data.parquet")
    Path("plan.yaml").write_text(yaml.safe_dump({k: v for k, v in STUDY.items() if k != "alerts_per_day"}) + plan)
    with pytest.raises(StudyError, match="alerts_per_day"):
        run("study", "--data", "data.parquet", "--plan", "plan.yaml")


def test_a_budget_too_small_for_one_alert_is_an_error(run: Run) -> None:
    """A budget too small for one alert causes an error, and no model is registered."""
    make_frame().write_parquet("data.parquet")
    with pytest.raises(DataError, match="allow more alerts per day"):
        run("baseline", "--data", "data.parquet", "--store", "bundles", "--alerts-per-day", "1")
    assert not Registry(connect(Path("var"))).all()

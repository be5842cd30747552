"""A small plan, data hard enough to raise no alarm, and one whole study for all tests that look at its result."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from rich.console import Console

import training.models.families
from tests.training.conftest import make_frame
from training.data.dataset import Dataset, load
from training.data.featureset import DEFAULT
from training.registry.connection import Connection, connect
from training.study.budget import Budget
from training.study.plan import StudyPlan
from training.study.progress import StudyProgress
from training.study.runs import StudyRuns
from training.study.search import open_storage
from training.study.settings import StudySettings
from training.study.study import Outcome, run_study

TREES = 15
PLAN: dict[str, Any] = {
    "name": "small",
    "folds": 3,
    "seeds": [0, 1],
    "stack_members": 2,
    "families": [
        {"family": "logistic-regression", "treatments": ["none", "class_weights"], "legitimate_share": 0.5},
        {"family": "xgboost", "treatments": ["none", "smote"], "trials": 2},
        {"family": "extra-trees", "treatments": ["none", "undersampling"]},
        {"family": "stack", "treatments": ["none"]},
    ],
}


def hard_frame() -> pl.DataFrame:
    """Made-up transactions whose frauds stand apart a little: models reach a PR-AUC of about a half."""
    frame = make_frame(3000)
    label = frame["Class"]
    return frame.with_columns(frame[f"V{i}"] - 0.7 * label for i in range(1, 7))


def make_plan(**changes: Any) -> StudyPlan:
    """The small plan, with changes."""
    return msgspec.convert(PLAN | changes, StudyPlan)


@dataclass(frozen=True)
class Place:
    """Data, and an MLflow and a trials' storage of their own."""

    root: Path
    data: Dataset

    @property
    def connection(self) -> Connection:
        """Of the MLflow."""
        return connect(self.root)

    @property
    def runs(self) -> StudyRuns:
        """The studies in it."""
        return StudyRuns(self.connection)

    def run(self, plan: StudyPlan | None = None, minutes: float | None = None, **settings: Any) -> Outcome:
        """Run a study here."""
        plan = plan or make_plan()
        return run_study(
            plan,
            self.data,
            DEFAULT,
            StudySettings(plan.name, **settings),
            runs=self.runs,
            storage=open_storage(f"sqlite:///{self.root / 'trials.db'}"),
            budget=Budget(minutes),
            progress=StudyProgress(Console(quiet=True)),
        )


@pytest.fixture(scope="session")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up transactions as Parquet."""
    path = tmp_path_factory.mktemp("study-data") / "data.parquet"
    hard_frame().write_parquet(path)
    return path


@pytest.fixture(scope="session")
def make_place(
    data_file: Path, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Place]]:
    """Factory: an empty place with the made-up data."""

    def make() -> Place:
        root = tmp_path_factory.mktemp("study")
        shutil.copy(empty_mlflow, root)
        return Place(root, load(data_file))

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield make


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are small, in these tests and in no others."""
    monkeypatch.setattr(training.models.families, "TREES", TREES)


@pytest.fixture
def place(make_place: Callable[[], Place]) -> Place:
    """An empty place."""
    return make_place()


@dataclass(frozen=True)
class Done:
    """A whole study."""

    place: Place
    outcome: Outcome


@pytest.fixture(scope="session")
def done(make_place: Callable[[], Place]) -> Done:
    """The small study, run once."""
    place = make_place()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.models.families, "TREES", TREES)
        return Done(place, place.run())

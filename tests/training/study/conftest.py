"""A small plan, data hard enough to raise no leak alarm, and one finished study that many tests share."""

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
from tests.training.frames import make_frame
from training.data.dataset import Dataset, load
from training.data.featureset import DEFAULT
from training.registry.connection import MlflowConnection, connect
from training.study.budget import Budget
from training.study.plan import StudyPlan
from training.study.progress import StudyProgress
from training.study.runs import StudyRuns
from training.study.search import open_storage
from training.study.settings import StudySettings
from training.study.study import StudyOutcome, run_study

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
    """Return generated transactions whose frauds are hard to detect: models reach a PR-AUC of about 0.5."""
    frame = make_frame(3000)
    label = frame["Class"]
    return frame.with_columns(frame[f"V{i}"] - 0.7 * label for i in range(1, 7))


def make_plan(**changes: Any) -> StudyPlan:
    """Return the small plan with the given changes."""
    return msgspec.convert(PLAN | changes, StudyPlan)


@dataclass(frozen=True)
class Workspace:
    """A data file, with its own MLflow and its own storage of trials."""

    root: Path
    data: Dataset

    @property
    def connection(self) -> MlflowConnection:
        """Connection to the workspace's MLflow."""
        return connect(self.root)

    @property
    def runs(self) -> StudyRuns:
        """Studies in the workspace's MLflow."""
        return StudyRuns(self.connection)

    def run(self, plan: StudyPlan | None = None, minutes: float | None = None, **settings: Any) -> StudyOutcome:
        """Run a study on the workspace's data."""
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
    """Path of the generated transactions, in Parquet format."""
    path = tmp_path_factory.mktemp("study-data") / "data.parquet"
    hard_frame().write_parquet(path)
    return path


@pytest.fixture(scope="session")
def make_workspace(
    data_file: Path, empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Workspace]]:
    """Return a factory of workspaces with the generated data and without a study."""

    def make() -> Workspace:
        root = tmp_path_factory.mktemp("study")
        shutil.copy(empty_mlflow, root)
        return Workspace(root, load(data_file))

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield make


@pytest.fixture(autouse=True)
def small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep models small, so that the tests of studies are fast."""
    monkeypatch.setattr(training.models.families, "TREES", TREES)


@pytest.fixture
def workspace(make_workspace: Callable[[], Workspace]) -> Workspace:
    """A workspace without a study."""
    return make_workspace()


@dataclass(frozen=True)
class FinishedStudy:
    """A finished study and its workspace."""

    workspace: Workspace
    outcome: StudyOutcome


@pytest.fixture(scope="session")
def finished_study(make_workspace: Callable[[], Workspace]) -> FinishedStudy:
    """The small study, run once for all tests."""
    workspace = make_workspace()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.models.families, "TREES", TREES)
        return FinishedStudy(workspace, workspace.run())

"""Small synthetic data in the format of the ULB data, and a baseline trained on them, shared by all tests."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stream.settings import Settings
from tests.support.records import CHAMPION
from tests.training.decision_history import DecisionHistory, history_settings, open_history
from training.baseline import BaselineModel, run_baseline
from training.data.dataset import load
from training.data.description import ULB
from training.registry.connection import connect
from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment
from training.registry.roles import TrainedRoles

ROWS = 4000


def make_frame(rows: int = ROWS, fraud_share: float = 0.05, seed: int = 0) -> pl.DataFrame:
    """Return transactions in time order, several per second; frauds have other values in the first features."""
    random = np.random.default_rng(seed)
    label = (random.random(rows) < fraud_share).astype(float)
    numeric = random.normal(size=(rows, len(ULB.features)))
    numeric[:, :6] += 1.5 * label[:, np.newaxis]
    return pl.DataFrame(
        {
            "Time": np.sort(random.integers(0, rows // 2, rows)).astype(float),
            **{name: numeric[:, column] for column, name in enumerate(ULB.features)},
            "Amount": np.round(random.lognormal(3, 1.5, rows), 2),
            "Class": label,
        }
    )


@pytest.fixture
def frame() -> pl.DataFrame:
    """The synthetic data as a frame."""
    return make_frame()


@pytest.fixture
def save(tmp_path: Path) -> Callable[[pl.DataFrame], Path]:
    """Factory: write a frame to a Parquet file and return the file's path."""

    def write(frame: pl.DataFrame) -> Path:
        path = tmp_path / "data.parquet"
        frame.write_parquet(path)
        return path

    return write


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database for tests to copy, because creating a database takes seconds."""
    root = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connect(root).client.search_experiments()
    return root / "mlflow.db"


@dataclass(frozen=True)
class Trained:
    """The results of a completed baseline."""

    root: Path
    data: Path
    store: str
    experiment: MlflowExperiment
    roles: TrainedRoles
    models: list[BaselineModel]
    steps: list[str]


@pytest.fixture(scope="session")
def trained(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """The baseline on the synthetic data, in a store and an MLflow database of its own."""
    root = tmp_path_factory.mktemp("baseline")
    shutil.copy(empty_mlflow, root)
    data, store, steps = root / "data.parquet", str(root / "bundles"), list[str]()
    make_frame().write_parquet(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        experiment = MlflowExperiment(connect(root), BASELINE_EXPERIMENT)
        roles, models = run_baseline(load(data), store, experiment, steps.append)
        yield Trained(root, data, store, experiment, roles, models, steps)


@pytest.fixture
def history(tmp_path: Path) -> DecisionHistory:
    """An empty history of decisions, which needs neither Kafka nor MLflow."""
    return open_history(Settings().replace(**history_settings(tmp_path)), CHAMPION)

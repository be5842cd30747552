"""The results of a baseline that is trained once for all tests."""

from dataclasses import dataclass
from pathlib import Path

from tests.training.frames import make_frame
from training.baseline import BaselineModel, run_baseline
from training.data.dataset import load
from training.registry.connection import connect
from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment
from training.registry.roles import TrainedRoles


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


def create_mlflow(root: Path) -> None:
    """Create an empty MLflow database in a directory."""
    connect(root).client.search_experiments()


def train(root: Path) -> Trained:
    """Train the baseline on the synthetic data, with a store and an MLflow database in `root`."""
    data, store, steps = root / "data.parquet", str(root / "bundles"), list[str]()
    make_frame().write_parquet(data)
    experiment = MlflowExperiment(connect(root), BASELINE_EXPERIMENT)
    roles, models = run_baseline(load(data), store, experiment, steps.append)
    return Trained(root, data, store, experiment, roles, models, steps)

"""A registry for each test: real MLflow on SQLite, a bundle store, and runs that hold small real bundles."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from schemas.messages import BundleRef
from stream.models.bundle_store import BundleStore
from stream.settings import Settings
from tests.support.bundles import put_bundle
from training.bundling.write_bundle import BUNDLE_ARTIFACT
from training.commands.registry_options import RegistryAccess
from training.registry.connection import MlflowConnection, connect
from training.registry.experiment import ActiveRun, MlflowExperiment
from training.registry.history import PromotionHistory
from training.registry.promote import Promoter
from training.registry.register import register
from training.registry.runs import MlflowRuns
from training.registry.versions import Registry

#: Tags of the test's runs.
RUN_TAGS = {"git_commit": "c0ffee", "git_dirty": "false", "library.onnx": "1.2.3", "mlflow.parentRunId": "parent"}

MakeRun = Callable[..., str]
AddVersion = Callable[[], BundleRef]


@pytest.fixture(scope="session")
def template(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with both registered models, to be copied."""
    root = tmp_path_factory.mktemp("mlflow")
    shutil.copy(empty_mlflow, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        mlflow = connect(root)
        Registry(mlflow)
        PromotionHistory(mlflow)
    return root / "mlflow.db"


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Directory of an MLflow for this test."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "var"
    folder.mkdir()
    shutil.copy(template, folder / "mlflow.db")
    return folder


@pytest.fixture
def mlflow(root: Path) -> MlflowConnection:
    """An MLflow for this test."""
    return connect(root)


@pytest.fixture
def client(mlflow: MlflowConnection) -> MlflowClient:
    """Plain MLflow client of the same MLflow."""
    return mlflow.client


@pytest.fixture
def access(mlflow: MlflowConnection, root: Path) -> RegistryAccess:
    """Access to versions, runs and bundles."""
    return RegistryAccess(Registry(mlflow), MlflowRuns(mlflow), BundleStore(str(root / "bundles")))


@pytest.fixture
def make_promoter(mlflow: MlflowConnection, access: RegistryAccess) -> Callable[[Settings], Promoter]:
    """Factory: a promoter with settings of a Kafka."""
    return lambda settings: Promoter(access.registry, PromotionHistory(mlflow), access.runs, access.store, settings)


@pytest.fixture
def promoter(make_promoter: Callable[[Settings], Promoter], settings: Settings) -> Promoter:
    """A promoter on topics for this test."""
    return make_promoter(settings)


@pytest.fixture
def make_run(mlflow: MlflowConnection, tmp_path: Path) -> MakeRun:
    """Factory: a finished run with a bundle, whose model scores differently at each call. Returns the run's id."""
    experiment, made = MlflowExperiment(mlflow, "study"), list[str]()

    def make(fill: Callable[[ActiveRun], None] | None = None, *, bundle: bool = True) -> str:
        with experiment.run("candidate", RUN_TAGS) as run:
            made.append(run.run_id)
            if bundle:
                ref = put_bundle(tmp_path / "made", str(len(made)), bias=-float(len(made)))
                run.log_files(tmp_path / "made" / ref.path, BUNDLE_ARTIFACT)
            if fill is not None:
                fill(run)
        return run.run_id

    return make


@pytest.fixture
def add_version(access: RegistryAccess, make_run: MakeRun) -> AddVersion:
    """Factory: register a new run's bundle and return it; the first is version 1."""
    return lambda: register(make_run(), access.registry, access.runs, access.store).bundle

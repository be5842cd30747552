"""A registry for each test: real MLflow on SQLite, a bundle store, and runs that contain small real bundles."""

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
from training.registry.access import RegistryAccess
from training.registry.connection import MlflowConnection, connect
from training.registry.experiment import ActiveRun, MlflowExperiment
from training.registry.history import PromotionHistory
from training.registry.promote import Promoter
from training.registry.register import register
from training.registry.runs import MlflowRuns
from training.registry.versions import Registry

#: Tags that the runs of the tests have.
RUN_TAGS = {"git_commit": "c0ffee", "git_dirty": "false", "library.onnx": "1.2.3", "mlflow.parentRunId": "parent"}

MakeRun = Callable[..., str]
AddVersion = Callable[[], BundleRef]


@pytest.fixture(scope="session")
def template(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with both registered models, for tests to copy."""
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
    """Directory of this test's MLflow."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "var"
    folder.mkdir()
    shutil.copy(template, folder / "mlflow.db")
    return folder


@pytest.fixture
def mlflow(root: Path) -> MlflowConnection:
    """Connection to this test's MLflow."""
    return connect(root)


@pytest.fixture
def client(mlflow: MlflowConnection) -> MlflowClient:
    """Plain MLflow client, connected to this test's MLflow."""
    return mlflow.client


@pytest.fixture
def access(mlflow: MlflowConnection, root: Path) -> RegistryAccess:
    """Access to the versions, runs and bundles of this test."""
    return RegistryAccess(Registry(mlflow), MlflowRuns(mlflow), BundleStore(str(root / "bundles")))


@pytest.fixture
def make_promoter(mlflow: MlflowConnection, access: RegistryAccess) -> Callable[[Settings], Promoter]:
    """Factory: create a promoter for a Kafka with the given settings."""
    return lambda settings: Promoter(access.registry, PromotionHistory(mlflow), access.runs, access.store, settings)


@pytest.fixture
def promoter(make_promoter: Callable[[Settings], Promoter], settings: Settings) -> Promoter:
    """A promoter that uses this test's own topics."""
    return make_promoter(settings)


@pytest.fixture
def make_run(mlflow: MlflowConnection, tmp_path: Path) -> MakeRun:
    """Factory: create a finished run with a bundle, whose model differs at each call, and return the run's id."""
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
    """Factory: create a run, register its bundle, and return the version; the first call returns version 1."""
    return lambda: register(make_run(), access.registry, access.runs, access.store).bundle

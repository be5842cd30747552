"""A registry of the test's own: real MLflow on SQLite, a bundle store, runs that hold small real bundles."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from schemas.messages import BundleRef
from stream.models.bundle_store import BundleStore
from tests.support.bundles import put_bundle
from training.registry.connection import Connection, connect
from training.registry.history import History
from training.registry.promote import Promoter
from training.registry.register import register
from training.registry.runs import Runs
from training.registry.tracking import BUNDLE_ARTIFACT, TrackedRun, Tracker
from training.registry.versions import Registry

#: What runs are tagged with here.
RUN_TAGS = {"git_commit": "c0ffee", "git_dirty": "false", "library.onnx": "1.2.3", "mlflow.parentRunId": "parent"}

MakeRun = Callable[..., str]
Add = Callable[[], BundleRef]


@pytest.fixture(scope="session")
def template(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with both registered models, to be copied."""
    root = tmp_path_factory.mktemp("mlflow")
    shutil.copy(empty_mlflow, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        mlflow = connect(root)
        Registry(mlflow)
        History(mlflow)
    return root / "mlflow.db"


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the test's own MLflow lies."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "var"
    folder.mkdir()
    shutil.copy(template, folder / "mlflow.db")
    return folder


@pytest.fixture
def mlflow(root: Path) -> Connection:
    """The test's own MLflow."""
    return connect(root)


@pytest.fixture
def client(mlflow: Connection) -> MlflowClient:
    """MLflow as anybody would look at it."""
    return mlflow.client


@pytest.fixture
def desk(mlflow: Connection, root: Path) -> Promoter:
    """Promoter without Kafka."""
    return Promoter(Registry(mlflow), History(mlflow), Runs(mlflow), BundleStore(str(root / "bundles")))


@pytest.fixture
def make_run(root: Path, mlflow: Connection, tmp_path: Path) -> MakeRun:
    """Factory: a finished run that holds a bundle; each call's model scores otherwise. Returns the run's id."""
    del mlflow  # the database is there
    tracker, made = Tracker(root, "study"), list[str]()

    def make(fill: Callable[[TrackedRun], None] | None = None, *, bundle: bool = True) -> str:
        with tracker.run("candidate", RUN_TAGS) as run:
            made.append(run.run_id)
            if bundle:
                ref = put_bundle(tmp_path / "made", str(len(made)), bias=-float(len(made)))
                run.log_files(tmp_path / "made" / ref.path, BUNDLE_ARTIFACT)
            if fill is not None:
                fill(run)
        return run.run_id

    return make


@pytest.fixture
def add(desk: Promoter, make_run: MakeRun) -> Add:
    """Factory: register a new run's bundle and return it; the first is version 1."""
    return lambda: register(make_run(), desk.registry, desk.runs, desk.store).bundle

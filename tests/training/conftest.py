"""Fixtures: small synthetic data, an empty MLflow, and a baseline trained once for all tests.

MLflow and the model libraries take seconds to import, so only the fixtures that need them import them.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stream.settings import Settings
from tests.support.records import CHAMPION
from tests.training.decision_history import DecisionHistory, history_settings, opened_history
from tests.training.frames import make_frame


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
    from tests.training.trained import create_mlflow  # noqa: PLC0415 - see above

    root = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        create_mlflow(root)
    return root / "mlflow.db"


@pytest.fixture(scope="session")
def trained(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`Trained`: the baseline on the synthetic data, in a store and an MLflow database of its own."""
    from tests.training.trained import train  # noqa: PLC0415 - see above

    root = tmp_path_factory.mktemp("baseline")
    shutil.copy(empty_mlflow, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield train(root)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[DecisionHistory]:
    """An empty history of decisions, which needs neither Kafka nor MLflow."""
    with opened_history(Settings().replace(**history_settings(tmp_path)), CHAMPION) as opened:
        yield opened

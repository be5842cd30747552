"""Labelled transactions and bundles, made once for all tests."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.training.validation.models import load_rows, make_bundle, make_rows
from training.data.dataset import Dataset

LoadFrame = Callable[[pl.DataFrame], Dataset]


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    """Labelled transactions."""
    return make_rows()


@pytest.fixture
def load_frame(tmp_path: Path) -> LoadFrame:
    """Factory: read transactions as training reads a file."""
    return lambda frame: load_rows(tmp_path, frame)


@pytest.fixture
def champion(tmp_path: Path) -> Path:
    """A bundle that gives every transaction its true probability."""
    return make_bundle(tmp_path / "champion")

"""Fixtures: a valid bundle in a temporary bundle store."""

from pathlib import Path

import pytest

from schemas.messages import BundleRef
from tests.support.bundles import put_bundle


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Directory of the temporary bundle store."""
    return tmp_path / "bundles"


@pytest.fixture
def ref(store: Path) -> BundleRef:
    """Reference to a bundle that passes its audit."""
    return put_bundle(store)


@pytest.fixture
def bundle(store: Path, ref: BundleRef) -> Path:
    """Directory of the valid bundle."""
    return store / ref.path

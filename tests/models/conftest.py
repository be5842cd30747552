"""A good bundle in a store of the test's own."""

from pathlib import Path

import pytest

from schemas.messages import BundleRef
from tests.support.bundles import put_bundle


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Folder of the bundle store."""
    return tmp_path / "bundles"


@pytest.fixture
def ref(store: Path) -> BundleRef:
    """A bundle that passes its audit."""
    return put_bundle(store)


@pytest.fixture
def bundle(store: Path, ref: BundleRef) -> Path:
    """Its directory."""
    return store / ref.path

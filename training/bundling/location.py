"""Find a bundle that a command line names by a directory, a URL, a path in the store, or a version."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from schemas.manifest import MANIFEST_NAME
from schemas.messages import BundleRef
from stream.models.bundle_store import BundleStore


class BundleLocation(NamedTuple):
    """Where a bundle is."""

    store: BundleStore
    #: Path in the store.
    path: str
    #: The bundle that was registered; None if the bundle is named by its place, so that its hash is not known.
    ref: BundleRef | None = None


def locate_bundle(which: str, store: BundleStore, find_version: Callable[[str], BundleRef]) -> BundleLocation:
    """Find a bundle. Nothing is read but the registry.

    Args:
        which: Directory or fsspec URL of the bundle, its path in the store such as fraud/4, or a version or alias of
            the registered model.
        store: Bundle store.
        find_version: Function that returns the bundle of a version or alias.

    Raises:
        BundleMissingError: If the URL's file system is unknown.
        RegistryError: If the registered model has no such version.
    """
    if "://" in which or (Path(which) / MANIFEST_NAME).is_file():
        base, _, path = (which if "://" in which else str(Path(which).resolve())).rstrip("/").rpartition("/")
        return BundleLocation(BundleStore(base), path)
    if "/" in which:
        return BundleLocation(store, which)
    ref = find_version(which)
    return BundleLocation(store, ref.path, ref)

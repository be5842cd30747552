"""What a drift report is made of: a bundle, wherever it lies, and a file's columns that its model takes."""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from schemas.manifest import MANIFEST_NAME
from schemas.messages import BundleRef
from stream.models.bundle import LoadedModel, find_bundle, read_bundle
from stream.models.bundle_store import BundleStore
from training.data.dataset import Dataset, load
from training.data.description import DataDescription


def read_model(which: str, store: BundleStore, find_version: Callable[[str], BundleRef]) -> LoadedModel:
    """Read and audit a bundle.

    Args:
        which: A directory, or any fsspec URL of one; a path in the store such as fraud/4; or a version.
        store: Where bundles are put.
        find_version: Looks a version's number or alias up.

    Raises:
        BundleError: With what does not hold.
        RegistryError: If there is no such version.
    """
    if "://" in which or (Path(which) / MANIFEST_NAME).is_file():
        base, _, path = (which if "://" in which else str(Path(which).resolve())).rstrip("/").rpartition("/")
        elsewhere = BundleStore(base)
        return read_bundle(elsewhere, find_bundle(elsewhere, path))
    return read_bundle(store, find_bundle(store, which) if "/" in which else find_version(which))


def read_rows(file: str, description: DataDescription, model: LoadedModel) -> Dataset:
    """Read what the model takes of a file; labels are not needed, and no other feature is.

    Raises:
        DataError: If the file or a column of it cannot be used.
    """
    wanted = {*model.plan.numeric, *model.plan.categorical}
    features = {name: kind for name, kind in description.features.items() if name in wanted}
    return load(file, replace(description, features=features), labelled=False)

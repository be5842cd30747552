"""The inputs of a drift report: a bundle from any location, and the columns of a file that its model uses."""

from collections.abc import Callable

from msgspec.structs import replace

from schemas.messages import BundleRef
from stream.models.bundle import LoadedModel, read_bundle, resolve_bundle
from stream.models.bundle_store import BundleStore
from training.bundling.location import locate_bundle
from training.data.dataset import Dataset, load
from training.data.description import DataDescription


def read_model(which: str, store: BundleStore, find_version: Callable[[str], BundleRef]) -> LoadedModel:
    """Read and audit a bundle.

    Args:
        which: Directory or fsspec URL of the bundle, its path in the store such as fraud/4, or a version or alias of
            the registered model.
        store: Bundle store.
        find_version: Function that returns the bundle of a version or alias.

    Raises:
        BundleError: If the bundle does not pass the audit.
        RegistryError: If the registered model has no such version.
    """
    location = locate_bundle(which, store, find_version)
    return read_bundle(location.store, location.ref or resolve_bundle(location.store, location.path))


def read_rows(file: str, description: DataDescription, model: LoadedModel) -> Dataset:
    """Read the features that the model uses from a file; labels and other features are not needed.

    Raises:
        DataError: If the file or one of its columns cannot be used.
    """
    wanted = {*model.plan.numeric, *model.plan.categorical}
    features = {name: kind for name, kind in description.features.items() if name in wanted}
    return load(file, replace(description, features=features), labelled=False)

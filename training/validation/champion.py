"""The champion that a candidate is compared with."""

from schemas.errors import BundleError, RegistryError
from schemas.messages import BundleRef
from stream.models.bundle import LoadedModel
from stream.models.bundle_store import BundleStore
from training.drift.inputs import read_model
from training.registry.versions import CHAMPION, Registry
from training.validation.evidence import Missing

_NO_CHAMPION = "there is no champion to compare with; give one with --champion"


def read_champion(which: str | None, registry: Registry, store: BundleStore) -> LoadedModel | Missing:
    """Read the model to compare with.

    Args:
        which: Bundle or version; None for the registered model's champion, if it can be read.
        registry: Registered versions.
        store: Bundle store.

    Raises:
        BundleError: If the bundle of a given model does not pass the audit.
        RegistryError: If the registered model has no such version, or MLflow is unavailable.
    """

    def find(version: str) -> BundleRef:
        return registry.find(version).bundle

    if which is not None:
        return read_model(which, store, find)
    if CHAMPION not in registry.aliases():
        return Missing(_NO_CHAMPION)
    try:
        return read_model(CHAMPION, store, find)
    except (BundleError, RegistryError) as error:  # a broken champion must not prevent its replacement
        return Missing(f"the champion cannot be read: {error}")

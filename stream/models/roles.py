"""From an assignment on `model-updates` to models that hold the roles."""

from schemas.errors import BundleIncompatibleError
from schemas.messages import BundleRef, ModelUpdate
from stream.models.bundle import LoadedModel, read_bundle
from stream.models.store import BundleStore
from stream.scoring.model import Roles


class RoleLoader:
    """Loads the models that an assignment names, keeping those it has already.

    ONNX Runtime gives little of a dropped session's memory back, so a model that stays in its role (or takes
    another) keeps its session.

    Args:
        store: Where bundles lie.
    """

    def __init__(self, store: BundleStore) -> None:
        self._store = store
        self._models: dict[str, LoadedModel] = {}

    def load(self, update: ModelUpdate) -> Roles:
        """Audit and load every model of an assignment; all or nothing.

        Raises:
            BundleError: With the bundle and what is wrong with it; what was loaded before stays usable.
        """
        refs = [update.champion, *(challenger.bundle for challenger in update.challengers)]
        if len({ref.sha256 for ref in refs}) < len(refs):
            raise BundleIncompatibleError("an assignment names one bundle in two roles; give each model one role")
        # The previous champion stays loaded: it decides again the moment the new one turns out to be at fault.
        wanted = refs if update.previous is None else [*refs, update.previous]
        models = {ref.sha256: self._models.get(ref.sha256) or read_bundle(self._store, ref) for ref in wanted}
        self._models = models
        champion, *challengers = (models[ref.sha256] for ref in refs)
        return Roles(update.epoch, champion, tuple(challengers), update.policy or champion.manifest.policy)

    def fall_back(self, update: ModelUpdate) -> Roles | None:
        """Return the assignment with the previous champion deciding, or None where there is none that works."""
        previous: BundleRef | None = update.previous
        model = self._models.get(previous.sha256) if previous else None
        if model is None:
            return None
        model.check_parity()
        return Roles(update.epoch, model, (), model.manifest.policy)

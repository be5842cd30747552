"""From an assignment on `model-updates` to models that hold the roles."""

import logging

from schemas.errors import BundleError, BundleIncompatibleError, ModelFaultError
from schemas.messages import BundleRef, ModelUpdate
from stream.models.bundle import LoadedModel, read_bundle
from stream.models.store import BundleStore
from stream.scoring.model import Roles

log = logging.getLogger(__name__)


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
        self._champion: LoadedModel | None = None
        self._stand_by: LoadedModel | None = None

    def load(self, update: ModelUpdate) -> Roles:
        """Audit and load every model of an assignment; all or nothing.

        Raises:
            BundleError: With the bundle and what is wrong with it; what was loaded before stays usable.
        """
        refs = [update.champion, *(challenger.bundle for challenger in update.challengers)]
        if len({ref.sha256 for ref in refs}) < len(refs):
            raise BundleIncompatibleError("an assignment names one bundle in two roles; give each model one role")
        models = {ref.sha256: self._read(ref) for ref in refs}
        champion, *challengers = models.values()
        self._models |= models  # a previous champion that watches from now on is not read twice
        # The previous champion stays loaded: it decides again the moment the new one turns out to be at fault.
        self._stand_by = self._read_previous(update.previous)
        if self._stand_by is not None:
            models[self._stand_by.sha256] = self._stand_by
        self._models, self._champion = models, champion
        return Roles(update.epoch, champion, tuple(challengers), update.policy or champion.manifest.policy)

    def fall_back(self, update: ModelUpdate) -> Roles | None:
        """Return the assignment with the previous champion deciding, or None where there is none that works."""
        model = self._stand_by
        if model is None:
            return None
        try:
            model.check_parity()
        except ModelFaultError:
            return None
        return Roles(update.epoch, model, (), model.manifest.policy)

    def _read(self, ref: BundleRef) -> LoadedModel:
        return self._models.get(ref.sha256) or read_bundle(self._store, ref)

    def _read_previous(self, ref: BundleRef | None) -> LoadedModel | None:
        """A previous champion that is gone or was refused keeps no new one away: the one until now stands by."""
        if ref is None:
            return None
        try:
            return self._read(ref)
        except BundleError as error:
            log.warning("previous champion %s cannot stand by: %s", ref.version, error)
            return self._champion

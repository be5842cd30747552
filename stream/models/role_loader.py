"""From an assignment on `model-updates` to models that hold the roles."""

import logging
from collections.abc import Sequence

from schemas.errors import BundleError, BundleIncompatibleError, ModelFaultError
from schemas.messages import BundleRef, ModelUpdate
from stream.models.bundle import LoadedModel, read_bundle
from stream.models.bundle_store import BundleStore
from stream.scoring.model import ModelInRole, Roles

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
        # By hash: a bundle under two paths is still one, and is read where it is named first.
        named: dict[str, BundleRef] = {}
        for ref in refs:
            named.setdefault(ref.sha256, ref)
        models = {sha256: self._read(ref) for sha256, ref in named.items()}
        champion, *challengers = (models[ref.sha256] for ref in refs)
        deciding = ModelInRole(champion, update.policy or champion.manifest.policy)
        players = tuple(
            ModelInRole(model, asked.policy or model.manifest.policy, asked.share)
            for model, asked in zip(challengers, update.challengers, strict=True)
        )
        _refuse_twins([deciding, *players])
        self._models |= models  # a previous champion that watches from now on is not read twice
        # The previous champion stays loaded: it decides again the moment the new one turns out to be at fault.
        self._stand_by = self._read_previous(update.previous)
        if self._stand_by is not None:
            models[self._stand_by.sha256] = self._stand_by
        self._models, self._champion = models, champion
        return Roles(update.epoch, deciding, players, update.exploration, update.salt)

    def fall_back(self, update: ModelUpdate) -> Roles | None:
        """Return the assignment with the previous champion deciding, or None where there is none that works."""
        model = self._stand_by
        if model is None:
            return None
        try:
            model.check_parity()
        except ModelFaultError:
            return None
        return Roles(update.epoch, ModelInRole(model, update.previous_policy or model.manifest.policy))

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


def _refuse_twins(players: Sequence[ModelInRole]) -> None:
    """Two players with the same model and policy say the same; whose word it is could not be told."""
    signatures = [(player.model.sha256, player.policy.version) for player in players]
    if len(set(signatures)) < len(signatures):
        raise BundleIncompatibleError(
            "an assignment names one bundle with one policy version in two roles; give each its own"
        )

"""Loads the models that an assignment of roles names."""

import logging
from collections.abc import Sequence

from schemas.errors import BundleError, BundleIncompatibleError, ModelFaultError
from schemas.messages import BundleRef, ModelUpdate
from stream.models.bundle import LoadedModel, read_bundle
from stream.models.bundle_store import BundleStore
from stream.scoring.model import ModelInRole, Roles

log = logging.getLogger(__name__)


class RoleLoader:
    """Loads the models that an assignment names, and reuses the models that are already loaded.

    ONNX Runtime frees little of a dropped session's memory, so a model keeps its session as long as it has any role.

    Args:
        store: Store to load bundles from.
    """

    def __init__(self, store: BundleStore) -> None:
        self._store = store
        self._models: dict[str, LoadedModel] = {}
        self._champion: LoadedModel | None = None
        self._standby: LoadedModel | None = None

    def load(self, update: ModelUpdate) -> Roles:
        """Audit and load every model in an assignment; if any of them fails, change nothing.

        Args:
            update: Assignment of roles.

        Raises:
            BundleError: If a bundle fails its audit; the error names the bundle and the defect. Models that were loaded
                earlier stay usable.
        """
        refs = [update.champion, *(challenger.bundle for challenger in update.challengers)]
        # Keyed by hash: a bundle stored under two paths is one bundle, and is read from the first path.
        by_sha256: dict[str, BundleRef] = {}
        for ref in refs:
            by_sha256.setdefault(ref.sha256, ref)
        models = {sha256: self._read(ref) for sha256, ref in by_sha256.items()}
        champion, *challengers = (models[ref.sha256] for ref in refs)
        deciding = ModelInRole(champion, update.policy or champion.manifest.policy)
        in_shadow = tuple(
            ModelInRole(model, challenger.policy or model.manifest.policy, challenger.share)
            for model, challenger in zip(challengers, update.challengers, strict=True)
        )
        _refuse_duplicates([deciding, *in_shadow])
        self._models |= models  # so that a previous champion that becomes a challenger is not read twice
        # The previous champion stays loaded, ready to take over as soon as the new champion turns out to be at fault.
        self._standby = self._read_previous(update.previous)
        if self._standby is not None:
            models[self._standby.sha256] = self._standby
        self._models, self._champion = models, champion
        return Roles(update.epoch, deciding, in_shadow, update.exploration, update.salt)

    def fall_back(self, update: ModelUpdate) -> Roles | None:
        """Return roles in which the previous champion is the only model.

        Args:
            update: Assignment whose champion is at fault.

        Returns:
            The roles; None if there is no previous champion, or if it fails its parity check.
        """
        model = self._standby
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
        """Return the previous champion that an assignment names, or the current champion if that cannot be loaded.

        A missing or defective previous champion must not block a new champion.
        """
        if ref is None:
            return None
        try:
            return self._read(ref)
        except BundleError as error:
            log.warning("previous champion %s cannot be loaded as a fallback: %s", ref.version, error)
            return self._champion


def _refuse_duplicates(in_roles: Sequence[ModelInRole]) -> None:
    """Reject an assignment with one model and policy in two roles, whose results could not be told apart."""
    signatures = [(in_role.model.sha256, in_role.policy.version) for in_role in in_roles]
    if len(set(signatures)) < len(signatures):
        raise BundleIncompatibleError(
            "the assignment gives two roles to one bundle with one policy version; give each role its own policy "
            "version"
        )

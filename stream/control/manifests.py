"""The manifest that counts of a bundle are judged by, found on `model-updates` and read from the store once."""

import logging
import time

from schemas.errors import BundleCorruptError, BundleMissingError
from schemas.manifest import Manifest
from schemas.messages import BundleRef, DriftCounts, ModelUpdate
from stream.control.role_reader import all_roles
from stream.models.bundle import read_manifest
from stream.models.bundle_store import BundleStore
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Seconds after which a bundle that was gone is looked for again.
GONE_S = 60.0


class Manifests:
    """Reads manifests. All calls on one thread, off the hot path.

    Args:
        settings: Addresses of `model-updates`.
        store: Where bundles lie.
    """

    def __init__(self, settings: Settings, store: BundleStore) -> None:
        self._settings = settings
        self._store = store
        self._gone: dict[str, float] = {}

    def of(self, counts: DriftCounts) -> Manifest | None:
        """Return the manifest of the bundle that counts are of; None where it is gone, which is said once.

        Raises:
            FraudError: If Kafka or the store does not answer; asked again, it may.
        """
        sha256 = counts.bundle_sha256
        if time.monotonic() < self._gone.get(sha256, 0.0):
            return None
        try:
            manifest = self._read(sha256)
        except BundleCorruptError as error:
            self._miss(counts, str(error))
            return None
        if manifest is None:
            self._miss(counts, "it is on no assignment of roles, or not in the bundle store any more")
        return manifest

    def _read(self, sha256: str) -> Manifest | None:
        refs = {ref.sha256: ref for update in all_roles(self._settings) for ref in _named(update)}
        ref = refs.get(sha256)
        if ref is None:
            return None
        try:
            return read_manifest(self._store, ref)
        except BundleMissingError:
            if self._store.exists(ref.path):
                raise
            return None

    def _miss(self, counts: DriftCounts, why: str) -> None:
        if counts.bundle_sha256 not in self._gone:
            log.warning("drift of model %s %s is not watched: %s", counts.name, counts.version, why)
        self._gone[counts.bundle_sha256] = time.monotonic() + GONE_S


def _named(update: ModelUpdate) -> list[BundleRef]:
    previous = [update.previous] if update.previous else []
    return [update.champion, *previous, *(each.bundle for each in update.challengers)]

"""Manifests of bundles with drift counts: bundles are looked up on `model-updates`, and each manifest is read once."""

import logging
import time

from schemas.errors import BundleCorruptError, BundleMissingError
from schemas.manifest import Manifest
from schemas.messages import BundleRef, DriftCounts, ModelUpdate
from stream.control.role_reader import all_roles
from stream.models.bundle import read_manifest
from stream.models.bundle_store import BundleStore
from stream.settings import KafkaSettings, TopicSettings

log = logging.getLogger(__name__)

#: Seconds until a missing bundle is looked up again.
MISSING_S = 60.0


class Manifests:
    """Reads manifests. Use it on one thread only, and not on the hot path.

    Args:
        kafka: Kafka connection.
        topics: Topic names.
        store: Bundle store.
    """

    def __init__(self, kafka: KafkaSettings, topics: TopicSettings, store: BundleStore) -> None:
        self._kafka, self._topics = kafka, topics
        self._store = store
        # By missing bundle: monotonic time at which the bundle is looked up again.
        self._missing: dict[str, float] = {}

    def of(self, counts: DriftCounts) -> Manifest | None:
        """Return the manifest of the bundle that counts belong to; None if the bundle is gone, which is logged once.

        Raises:
            FraudError: If Kafka or the store is not responding; a later call may succeed.
        """
        sha256 = counts.bundle_sha256
        if time.monotonic() < self._missing.get(sha256, 0.0):
            return None
        try:
            manifest = self._read(sha256)
        except BundleCorruptError as error:
            self._miss(counts, str(error))
            return None
        if manifest is None:
            self._miss(counts, "its bundle is in no assignment of roles, or no longer in the bundle store")
        return manifest

    def _read(self, sha256: str) -> Manifest | None:
        refs = {ref.sha256: ref for update in all_roles(self._kafka, self._topics) for ref in _bundles(update)}
        ref = refs.get(sha256)
        if ref is None:
            return None
        try:
            return read_manifest(self._store, ref)
        except BundleMissingError:
            if self._store.exists(ref.path):
                raise
            return None

    def _miss(self, counts: DriftCounts, reason: str) -> None:
        if counts.bundle_sha256 not in self._missing:
            log.warning("drift of model %s %s is not monitored: %s", counts.name, counts.version, reason)
        self._missing[counts.bundle_sha256] = time.monotonic() + MISSING_S


def _bundles(update: ModelUpdate) -> list[BundleRef]:
    previous = [update.previous] if update.previous else []
    return [update.champion, *previous, *(each.bundle for each in update.challengers)]

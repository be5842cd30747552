"""Trigger retraining when labels show that the champion makes more errors, or when the champion is too old."""

import time

import msgspec

from schemas.messages import BundleRef, RetrainRequest
from stream.control.retrain_requests import RequestOutcome, new_request, read_requests, request_retraining
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from stream.settings import Settings
from training.drift.concept import ConceptAlarm
from training.drift.concept_monitor import ConceptMonitor
from training.registry.promote import Promoter
from training.retrain.schedule import overdue

#: Name recorded as the author of automatic requests.
AUTHOR = "fraud-train watch"


class RetrainTriggers:
    """Writes requests to replace the current champion.

    Args:
        concept: Monitor of the champion's error rates.
        settings: Kafka connection and topic names, and the cooldown between requests with the same cause.
        every_days: Age in days after which the champion is to be replaced; None for no limit.
    """

    def __init__(self, concept: ConceptMonitor, settings: Settings, *, every_days: float | None = None) -> None:
        self._concept, self._settings, self._every_days = concept, settings, every_days
        #: Newest alarm whose request is waiting for the cooldown of its cause to end.
        self._waiting: RetrainRequest | None = None
        #: Champion that has already been reported as no longer calibrated.
        self._uncalibrated = ""

    def check(self, promoter: Promoter) -> list[str]:
        """Write every request for which there is a reason, and return a status line for each.

        Args:
            promoter: Promoter from which the current roles are read.

        Raises:
            LedgerUnavailableError: If the ledger's database is not responding.
            KafkaError: If the requests cannot be read or written.
            BundleError: If the champion's bundle cannot be read.
            RegistryError: If MLflow is unavailable or rejects the request.
        """
        newest = promoter.catch_up()
        if newest is None:
            return []
        champion = newest.change.champion
        if self._waiting is not None and self._waiting.bundle_sha256 != champion.sha256:
            self._waiting = None
        if alarms := self._concept.check(champion.sha256):
            self._waiting = _request_of(alarms[-1], champion)
        lines = []
        problem = self._concept.calibration.problem
        if problem is not None and self._uncalibrated != champion.sha256:
            self._uncalibrated = champion.sha256
            lines.append(f"champion {champion.path}: {problem}; check its thresholds")
        if self._waiting is not None:
            request = self._waiting
            outcome = self._write(msgspec.structs.replace(request, asked_at_ms=time.time_ns() // 1_000_000))
            if not outcome.cooling:
                self._waiting = None
            lines.append(f"{request.why}: {outcome.detail}")
        if (reason := self._overdue(champion, promoter.store)) is not None:
            request = new_request("schedule", champion.sha256, reason, author=AUTHOR)
            lines.append(f"{reason}: {self._write(request).detail}")
        return lines

    def _write(self, request: RetrainRequest) -> RequestOutcome:
        settings = self._settings
        return request_retraining(settings.kafka, settings.topic, settings.retrain, request)

    def _overdue(self, champion: BundleRef, store: BundleStore) -> str | None:
        if self._every_days is None:
            return None
        made_at_ms = read_bundle(store, champion).manifest.created_at_ms
        return overdue(
            made_at_ms,
            champion.sha256,
            read_requests(self._settings.kafka, self._settings.topic),
            every_days=self._every_days,
            now_ms=time.time_ns() // 1_000_000,
        )


def _request_of(alarm: ConceptAlarm, champion: BundleRef) -> RetrainRequest:
    """Return the request for an alarm. Its id depends only on the alarm, so a restarted process repeats the request."""
    request_id = f"{champion.sha256[:16]}-{alarm.stream.replace(' ', '-')}-{alarm.event_time_ms}"
    made = new_request("performance", champion.sha256, alarm.reason, author=AUTHOR)
    return msgspec.structs.replace(made, request_id=request_id)

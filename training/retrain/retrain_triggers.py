"""Asking for a new model because labels say that the champion errs more, or because it is old."""

import time

import msgspec

from schemas.messages import BundleRef, RetrainRequest
from stream.control.retrain_requests import RequestOutcome, request_retraining, new_request, read_requests
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from stream.settings import Settings
from training.drift.concept import ConceptAlarm
from training.drift.concept_monitor import ConceptMonitor
from training.registry.promote import Promoter
from training.retrain.schedule import overdue

#: Who asks when nobody does.
AUTHOR = "fraud-train watch"


class RetrainTriggers:
    """Writes requests for today's champion.

    Args:
        concept: Of the ledger that keeps the champion's errors.
        settings: The topic, and how often a cause may ask.
        every_days: Age at which a champion is due; None never.
    """

    def __init__(self, concept: ConceptMonitor, settings: Settings, *, every_days: float | None = None) -> None:
        self._concept, self._settings, self._every_days = concept, settings, every_days
        #: The newest alarm that its cause was too early for.
        self._waiting: RetrainRequest | None = None
        #: The champion whose scores were said to be off.
        self._off = ""

    def look(self, promoter: Promoter) -> list[str]:
        """Ask for what there is a reason to ask for; return a line for each.

        Args:
            promoter: Of MLflow and Kafka.

        Raises:
            LedgerUnavailableError: If the ledger's database does not answer.
            KafkaError: If the requests can be neither read nor written.
            BundleError: If the champion's bundle cannot be read.
            RegistryError: If MLflow is away or refuses.
        """
        newest = promoter.catch_up()
        if newest is None:
            return []
        champion = newest.change.champion
        if self._waiting is not None and self._waiting.bundle_sha256 != champion.sha256:
            self._waiting = None
        if alarms := self._concept.check(champion.sha256):
            self._waiting = _of_alarm(alarms[-1], champion)
        lines = []
        if (off := self._concept.calibration.problem) is not None and self._off != champion.sha256:
            self._off = champion.sha256
            lines.append(f"champion {champion.path}: {off}; its thresholds mean something else now, so look at them")
        if self._waiting is not None:
            request = self._waiting
            asked = self._ask(request)
            lines.append(f"{request.why}: {asked.what}")
        if (due := self._due(champion, promoter.store)) is not None:
            asked = request_retraining(self._settings, new_request("schedule", champion.sha256, due, author=AUTHOR))
            lines.append(f"{due}: {asked.what}")
        return lines

    def _ask(self, request: RetrainRequest) -> RequestOutcome:
        now = msgspec.structs.replace(request, asked_at_ms=time.time_ns() // 1_000_000)
        asked = request_retraining(self._settings, now)
        if not asked.cooling:
            self._waiting = None
        return asked

    def _due(self, champion: BundleRef, store: BundleStore) -> str | None:
        if self._every_days is None:
            return None
        made_at_ms = read_bundle(store, champion).manifest.created_at_ms
        return overdue(
            made_at_ms,
            champion.sha256,
            read_requests(self._settings),
            every_days=self._every_days,
            now_ms=time.time_ns() // 1_000_000,
        )


def _of_alarm(alarm: ConceptAlarm, champion: BundleRef) -> RetrainRequest:
    """Return the request of an alarm: a process that comes to the same alarm again asks with the same id."""
    request_id = f"{champion.sha256[:16]}-{alarm.stream.replace(' ', '-')}-{alarm.event_time_ms}"
    made = new_request("performance", champion.sha256, alarm.reason, author=AUTHOR)
    return msgspec.structs.replace(made, request_id=request_id)

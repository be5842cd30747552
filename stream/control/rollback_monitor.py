"""The rollback monitor: restores the previous champion if a promoted champion leaves its bounds.

Every worker is a candidate. The elected worker, which is assigned the only partition of `role-counts`, judges by the
counts of all workers. If two workers both believe they are elected, for instance after a freeze, only one rollback is
written: each worker names the epoch that it judged, and a change based on an older epoch is rejected.
"""

import logging
from collections import deque

import msgspec

from schemas.messages import RoleAction, RoleCounts, RollbackEvidence
from stream.control.elected_task import ElectedTask
from stream.control.election import ElectedReader
from stream.control.role_changes import restore_previous
from stream.control.role_reader import all_roles
from stream.control.role_writer import change_roles
from stream.control.rollback_metrics import RollbackMetrics
from stream.evaluation.blocks import counted_blocks
from stream.evaluation.promotion_monitor import AUTHOR, PromotionMonitor, RollbackVerdict
from stream.evaluation.rollback_rule import RollbackLimits
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Seconds to wait for counts, and thus the longest time until a request to stop is noticed.
POLL_S = 0.2

_decoder = msgspec.json.Decoder(RoleCounts)


class RollbackMonitor(ElectedTask):
    """Judges promotions on its own thread while this worker is elected.

    Args:
        settings: Kafka connection, topic names and rollback limits.
        metrics: Metrics of the rollback monitor.
    """

    def __init__(self, settings: Settings, metrics: RollbackMetrics) -> None:
        super().__init__("rollback monitor", enabled=settings.rollback.monitor == "on", on_election=metrics.elected)
        self._settings = settings
        self._metrics = metrics
        self._limits = RollbackLimits(
            block_transactions=settings.rollback.block_transactions,
            min_blocks=settings.rollback.min_blocks,
            monitored_blocks=settings.rollback.monitored_blocks,
            alpha=settings.rollback.alpha,
            alert_multiple=settings.rollback.alert_multiple,
            slow_ms=settings.rollback.slow_ms,
        )
        self._reset()

    def _join(self) -> ElectedReader:
        group = f"{self._settings.kafka.group}-guard"
        return ElectedReader(self._settings.kafka, self._settings.topic.role_counts, group, self._elect)

    def _work(self, reader: ElectedReader) -> None:
        values = reader.read(POLL_S)  # an election during the read empties the pending messages
        self._pending.extend(values)
        self._try(self._process_pending)
        if reader.caught_up and not self._pending:
            self._try(self._judge)

    def _reset(self) -> None:
        self._pending: deque[bytes | None] = deque()
        self._promotion = PromotionMonitor(self._limits)
        self._progress = (0, 0)
        self._paged = 0
        self._metrics.judged({})

    def _process_pending(self) -> None:
        while self._pending:
            counts = decode_counts(self._pending[0])
            if counts is not None:
                roles = self._promotion.roles
                if roles is None or counts.role_epoch > roles.epoch:
                    self._promotion.set_assignments(all_roles(self._settings.kafka, self._settings.topic))
                self._promotion.add(counts)
            self._pending.popleft()  # if Kafka was unavailable above, the counts are still pending

    def _judge(self) -> None:
        if self._promotion.progress != self._progress:
            if self._promotion.progress[0] != self._progress[0]:
                log.info("rollback monitor: %s", self._promotion.description or "no recent promotion to monitor")
                self._metrics.paged(paged=False)
            self._progress = self._promotion.progress
            self._metrics.judged(self._promotion.readings())
        verdict = self._promotion.verdict()
        if verdict is None or verdict.since == self._paged:
            return
        # The roles may have changed since the counts were written, so judge again by the newest assignments.
        self._promotion.set_assignments(all_roles(self._settings.kafka, self._settings.topic))
        verdict, roles = self._promotion.verdict(), self._promotion.roles
        if verdict is None or roles is None:
            return
        if not verdict.may_restore:
            self._page(verdict, roles.champion.version)
            return
        note = describe(verdict)
        restored = change_roles(
            self._settings.kafka,
            self._settings.topic,
            restore_previous,
            author=AUTHOR,
            note=note,
            action=RoleAction.ROLLBACK,
            evidence=evidence_of(verdict),
            expected_epoch=roles.epoch,
        )
        self._metrics.rolled_back()
        log.error(
            "champion %s was rolled back: %s; %s is champion again",
            roles.champion.version,
            note,
            restored.champion.version,
        )
        self._promotion.set_assignments(all_roles(self._settings.kafka, self._settings.topic))

    def _page(self, verdict: RollbackVerdict, version: str) -> None:
        self._paged = verdict.since
        self._metrics.paged(paged=True)
        log.critical(
            "champion %s has left its bounds and there is no previous champion to restore: %s; check the input, then "
            "name a champion with: fraud-stream models set --champion PATH --reason REASON",
            version,
            describe(verdict),
        )


def decode_counts(raw: bytes | None) -> RoleCounts | None:
    """Decode a message on `role-counts`; log an invalid message and return None."""
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("ignoring an invalid message on role-counts: %s", error)
        return None


def describe(verdict: RollbackVerdict) -> str:
    """Describe a breach in one line: statistic, value and bound, number of transactions, and origin of the bound."""
    breach = verdict.breach
    return (
        f"{breach.statistic} {breach.value:.4g} crossed {breach.bound:.4g} in {breach.transactions} transactions, "
        f"{counted_blocks(breach.blocks)} after the promotion; {verdict.bounds}"
    )


def evidence_of(verdict: RollbackVerdict) -> RollbackEvidence:
    """Return the measurement that led to a verdict, for the audit."""
    breach = verdict.breach
    return RollbackEvidence(
        breach.statistic, float(breach.value), float(breach.bound), breach.transactions, breach.blocks
    )

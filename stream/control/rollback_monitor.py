"""The guard: after a promotion that leaves its bounds, the previous champion decides again.

Every worker stands for election; the one that holds the only partition of `role-counts` judges, from the counts of
all. Two that both believe they are elected, as after a freeze, write one rollback all the same: each names the epoch
it judged.
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
from stream.evaluation.promotion_monitor import AUTHOR, PromotionMonitor, RollbackVerdict
from stream.evaluation.rollback_rule import RollbackLimits
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Seconds to wait for counts; also how soon a stop is noticed.
POLL_S = 0.2

_decoder = msgspec.json.Decoder(RoleCounts)


class RollbackMonitor(ElectedTask):
    """Judges promotions on a thread of its own, while elected.

    Args:
        settings: Addresses, topics, limits.
        metrics: Shows what is judged.
    """

    def __init__(self, settings: Settings, metrics: RollbackMetrics) -> None:
        super().__init__("guard", on=settings.rollback.monitor == "on", show=metrics.elected)
        self._settings = settings
        self._metrics = metrics
        self._limits = RollbackLimits(
            block=settings.rollback.block_transactions,
            min_blocks=settings.rollback.min_blocks,
            watched_blocks=settings.rollback.watched_blocks,
            error=settings.rollback.alpha,
            alert_multiple=settings.rollback.alert_multiple,
            slow_ms=settings.rollback.slow_ms,
        )
        self._forget()

    def _stand(self) -> ElectedReader:
        group = f"{self._settings.kafka.group}-guard"
        return ElectedReader(self._settings, self._settings.topic.role_counts, group, self._elect)

    def _work(self, reader: ElectedReader) -> None:
        values = reader.read(POLL_S)  # an election in its midst empties what is pending
        self._pending.extend(values)
        self._try(self._take)
        if reader.caught_up and not self._pending:
            self._try(self._judge)

    def _forget(self) -> None:
        self._pending: deque[bytes | None] = deque()
        self._watch = PromotionMonitor(self._limits)
        self._progress = (0, 0)
        self._paged = 0
        self._metrics.judged({})

    def _take(self) -> None:
        while self._pending:
            counts = decode_counts(self._pending[0])
            if counts is not None:
                roles = self._watch.roles
                if roles is None or counts.role_epoch > roles.epoch:
                    self._watch.learn(all_roles(self._settings))
                self._watch.add(counts)
            self._pending.popleft()  # not before: while Kafka is away it waits for its assignment

    def _judge(self) -> None:
        if self._watch.progress != self._progress:
            if self._watch.progress[0] != self._progress[0]:
                log.info("guard: %s", self._watch.watched or "nobody was promoted lately")
                self._metrics.paged(paged=False)
            self._progress = self._watch.progress
            self._metrics.judged(self._watch.readings())
        verdict = self._watch.verdict()
        if verdict is None or verdict.since == self._paged:
            return
        # Somebody may have changed the roles since: then this champion is no longer judged, or not yet.
        self._watch.learn(all_roles(self._settings))
        verdict, roles = self._watch.verdict(), self._watch.roles
        if verdict is None or roles is None:
            return
        if not verdict.may_restore:
            self._page(verdict, roles.champion.version)
            return
        note = describe(verdict)
        restored = change_roles(
            self._settings,
            restore_previous,
            author=AUTHOR,
            note=note,
            action=RoleAction.ROLLBACK,
            evidence=evidence_of(verdict),
            expected_epoch=roles.epoch,
        )
        self._metrics.rolled_back()
        log.error(
            "champion %s is taken back, %s; %s decides again", roles.champion.version, note, restored.champion.version
        )
        self._watch.learn(all_roles(self._settings))

    def _page(self, verdict: RollbackVerdict, version: str) -> None:
        self._paged = verdict.since
        self._metrics.paged(paged=True)
        log.critical(
            "champion %s has left its bounds, and there is none to bring back: %s; look at the input, then name a "
            "champion with: fraud-stream models set --champion PATH",
            version,
            describe(verdict),
        )


def decode_counts(raw: bytes | None) -> RoleCounts | None:
    """Read one message of `role-counts`; None, with a line on the log, for what is none."""
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("no counts: %s; ignored", error)
        return None


def describe(verdict: RollbackVerdict) -> str:
    """Say which statistic crossed which bound, in how many transactions, and whose bounds they are."""
    breach = verdict.breach
    return (
        f"{breach.statistic} {breach.value:.4g} crossed {breach.bound:.4g} in {breach.transactions} transactions, "
        f"{breach.blocks} blocks after the promotion; {verdict.bounds}"
    )


def evidence_of(verdict: RollbackVerdict) -> RollbackEvidence:
    """Return the measurement behind a verdict, for the audit."""
    breach = verdict.breach
    return RollbackEvidence(breach.statistic, breach.value, breach.bound, breach.transactions, breach.blocks)

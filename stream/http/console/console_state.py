"""The state that the console shows, built from Kafka messages, with a bounded size. This module does no I/O.

Each change is an event with a name and data. A new page first receives a `snapshot` event, then one event per change.
Whether the program that serves the page is ready is part of the state too.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from schemas.errors import RefusedMessageError
from schemas.message_codec import MessageCodec
from schemas.messages import DeadLetter, Decision, DriftReport, Label, ModelUpdate, RoleCounts
from stream.runtime.readiness import Problem
from stream.settings import TopicSettings

#: Maximum numbers of alerts, dead letters, traffic counts, drift reports and role changes to keep.
#: Programs write one traffic count a second, so this is five minutes of five programs.
ALERTS, DEAD_LETTERS, TRAFFIC, DRIFT_REPORTS, ROLE_CHANGES = 100, 50, 1500, 24, 20
#: Maximum number of labels to keep, each for an alert.
LABELS = 1000


class ConsoleEvent(msgspec.Struct, frozen=True):
    """A change to the console's state."""

    #: snapshot, status, alert, dead_letter, traffic, drift, roles or label.
    name: str
    data: dict[str, Any]


class ConsoleState:
    """The newest messages of every kind, as the console shows them. Only `decode` may be called from several threads.

    Args:
        topics: Names of the topics that the console shows.
    """

    def __init__(self, topics: TopicSettings) -> None:
        self._alerts: deque[dict[str, Any]] = deque(maxlen=ALERTS)
        self._dead_letters: deque[dict[str, Any]] = deque(maxlen=DEAD_LETTERS)
        self._traffic: deque[dict[str, Any]] = deque(maxlen=TRAFFIC)
        self._drift: deque[dict[str, Any]] = deque(maxlen=DRIFT_REPORTS)
        self._roles: deque[dict[str, Any]] = deque(maxlen=ROLE_CHANGES)
        self._labels: dict[str, dict[str, Any]] = {}
        self._problems: list[Problem] = []
        self._handlers: dict[str, tuple[MessageCodec[Any], Callable[[Any], ConsoleEvent]]] = {
            topics.alerts: (MessageCodec(Decision), self._add_alert),
            topics.dead_letters: (MessageCodec(DeadLetter), self._add_dead_letter),
            topics.role_counts: (MessageCodec(RoleCounts), self._add_traffic),
            topics.drift_reports: (MessageCodec(DriftReport), self._add_drift_report),
            topics.model_updates: (MessageCodec(ModelUpdate), self._add_role_change),
            topics.labels: (MessageCodec(Label), self._add_label),
        }

    @property
    def topics(self) -> dict[str, int]:
        """The number of newest messages to read from each partition, by topic."""
        counts = (ALERTS, DEAD_LETTERS, TRAFFIC, DRIFT_REPORTS, ROLE_CHANGES, LABELS)
        return dict(zip(self._handlers, counts, strict=True))

    def decode(self, topic: str, value: bytes | None) -> Any:
        """Decode a message; return None if it is invalid, as the console ignores it. Callable from any thread."""
        try:
            return self._handlers[topic][0].decode(value)
        except RefusedMessageError:
            return None

    def add(self, topic: str, message: Any) -> ConsoleEvent:
        """Add a decoded message to the state, and return the event to send to open pages."""
        return self._handlers[topic][1](message)

    def set_problems(self, problems: Sequence[Problem]) -> ConsoleEvent | None:
        """Set the reasons why the program is not ready; return the event to send to open pages, None if unchanged."""
        if self._problems == list(problems):
            return None
        self._problems = list(problems)
        return ConsoleEvent("status", self._status())

    def snapshot(self, now_ms: int) -> ConsoleEvent:
        """Return the complete state, for a page that has just opened.

        Args:
            now_ms: The current time in UTC milliseconds, as the browser's clock may be wrong.
        """
        return ConsoleEvent(
            "snapshot",
            {
                "now_ms": now_ms,
                "status": self._status(),
                "alerts": list(self._alerts),
                "dead_letters": list(self._dead_letters),
                "traffic": list(self._traffic),
                "drift": list(self._drift),
                "roles": list(self._roles),
            },
        )

    def _status(self) -> dict[str, Any]:
        return {"problems": [{"name": each.value, "sentence": each.sentence} for each in self._problems]}

    def _add_alert(self, decision: Decision) -> ConsoleEvent:
        alert = {
            "transaction_id": decision.transaction_id,
            "event_time_ms": decision.event_time_ms,
            "scored_at_ms": decision.scored_at_ms,
            "amount_minor": decision.amount_minor,
            "currency": decision.currency,
            "score": decision.score,
            "threshold": decision.threshold,
            "verdict": decision.verdict,
            "model": f"{decision.model_name} {decision.model_version}",
            "reasons": [(reason.feature, reason.contribution) for reason in decision.reasons],
            "source": decision.source_topic,
        }
        alert |= self._labels.get(decision.transaction_id, {"fraud": None, "labelled_by": None})
        self._alerts.append(alert)
        return ConsoleEvent("alert", alert)

    def _add_dead_letter(self, dead_letter: DeadLetter) -> ConsoleEvent:
        # The original message is left out: it may contain anything, including card data.
        shown = {
            "reason": dead_letter.reason.value,
            "detail": dead_letter.detail,
            "source": f"{dead_letter.source_topic}/{dead_letter.source_partition}/{dead_letter.source_offset}",
            "size": dead_letter.value_size,
            "refused_at_ms": dead_letter.refused_at_ms,
        }
        self._dead_letters.append(shown)
        return ConsoleEvent("dead_letter", shown)

    def _add_traffic(self, counts: RoleCounts) -> ConsoleEvent:
        traffic = {
            "slot": counts.slot,
            "at_ms": counts.written_at_ms,
            "latencies": counts.latencies,
            "models": [
                {
                    "model": f"{each.name} {each.version}",
                    "policy": each.policy_version,
                    "decides": each.decides,
                    "transactions": each.transactions,
                    "reviews": each.reviews,
                    "declines": each.declines,
                    "problems": each.problems,
                }
                for each in counts.players
            ],
        }
        self._traffic.append(traffic)
        return ConsoleEvent("traffic", traffic)

    def _add_drift_report(self, report: DriftReport) -> ConsoleEvent:
        drift = {
            "model": f"{report.name} {report.version}",
            "decides": report.decides,
            "at_ms": report.written_at_ms,
            "columns": {name: [column.psi, column.psi_limit, column.state] for name, column in report.features.items()}
            | {"score": [report.score.psi, report.score.psi_limit, report.score.state]},
        }
        self._drift.append(drift)
        return ConsoleEvent("drift", drift)

    def _add_role_change(self, update: ModelUpdate) -> ConsoleEvent:
        change = {
            "epoch": update.epoch,
            "champion": f"{update.champion.name} {update.champion.version}",
            "challengers": [
                {"model": f"{each.bundle.name} {each.bundle.version}", "mode": each.mode, "share": each.share}
                for each in update.challengers
            ],
            "author": update.author,
            "note": update.note,
            "written_at_ms": update.written_at_ms,
        }
        self._roles.append(change)
        return ConsoleEvent("roles", change)

    def _add_label(self, label: Label) -> ConsoleEvent:
        shown = {"fraud": label.fraud, "labelled_by": label.source}
        self._labels.pop(label.transaction_id, None)
        self._labels[label.transaction_id] = shown
        if len(self._labels) > LABELS:
            del self._labels[next(iter(self._labels))]
        for alert in self._alerts:
            if alert["transaction_id"] == label.transaction_id:
                alert.update(shown)
        return ConsoleEvent("label", {"transaction_id": label.transaction_id} | shown)

"""What the page shows, made of messages: pure, and bounded however much comes.

Every change is an event, by name and data; whoever opens the page gets `everything` first and events from then on.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from schemas.errors import RefusedMessageError
from schemas.message_codec import MessageCodec
from schemas.messages import DeadLetter, Decision, DriftReport, Label, ModelUpdate, RoleCounts
from stream.settings import Settings

#: Alerts, dead letters, seconds of traffic, windows of drift and role changes that are kept.
ALERTS, LETTERS, SECONDS, WINDOWS, CHANGES = 100, 50, 300, 24, 20
#: Labels remembered, for the alerts they are about.
LABELS = 1000


class Event(msgspec.Struct, frozen=True):
    """A change of what is shown."""

    #: alert, letter, traffic, drift, roles or label.
    name: str
    data: dict[str, Any]


class Board:
    """What is shown. All calls but `read` on one thread.

    Args:
        settings: Names of the topics.
    """

    def __init__(self, settings: Settings) -> None:
        self._alerts: deque[dict[str, Any]] = deque(maxlen=ALERTS)
        self._letters: deque[dict[str, Any]] = deque(maxlen=LETTERS)
        self._traffic: deque[dict[str, Any]] = deque(maxlen=SECONDS)
        self._drift: deque[dict[str, Any]] = deque(maxlen=WINDOWS)
        self._roles: deque[dict[str, Any]] = deque(maxlen=CHANGES)
        self._labels: dict[str, dict[str, Any]] = {}
        self._kinds: dict[str, tuple[MessageCodec[Any], Callable[[Any], Event]]] = {
            settings.topic.alerts: (MessageCodec(Decision), self._alert),
            settings.topic.dead_letters: (MessageCodec(DeadLetter), self._letter),
            settings.topic.role_counts: (MessageCodec(RoleCounts), self._count),
            settings.topic.drift_reports: (MessageCodec(DriftReport), self._report),
            settings.topic.model_updates: (MessageCodec(ModelUpdate), self._change),
            settings.topic.labels: (MessageCodec(Label), self._label),
        }

    @property
    def topics(self) -> dict[str, int]:
        """What it wants to see: by topic how many of each partition's newest messages."""
        most = (ALERTS, LETTERS, SECONDS, WINDOWS, CHANGES, LABELS)
        return dict(zip(self._kinds, most, strict=True))

    def read(self, topic: str, value: bytes | None) -> Any:
        """Return a message; None of one that cannot be read: the page is no place to settle that. On any thread."""
        try:
            return self._kinds[topic][0].decode(value)
        except RefusedMessageError:
            return None

    def show(self, topic: str, message: Any) -> Event:
        """Take in a message that was read."""
        return self._kinds[topic][1](message)

    def everything(self) -> Event:
        """Return all that is shown now."""
        return Event(
            "everything",
            {
                "alerts": list(self._alerts),
                "letters": list(self._letters),
                "traffic": list(self._traffic),
                "drift": list(self._drift),
                "roles": list(self._roles),
            },
        )

    def _alert(self, decision: Decision) -> Event:
        shown = {
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
        shown |= self._labels.get(decision.transaction_id, {"fraud": None, "labelled_by": None})
        self._alerts.append(shown)
        return Event("alert", shown)

    def _letter(self, letter: DeadLetter) -> Event:
        # Without the original: it may be anything, and card data.
        shown = {
            "reason": letter.reason.value,
            "detail": letter.detail,
            "place": f"{letter.source_topic}/{letter.source_partition}/{letter.source_offset}",
            "size": letter.value_size,
            "refused_at_ms": letter.refused_at_ms,
        }
        self._letters.append(shown)
        return Event("letter", shown)

    def _count(self, counts: RoleCounts) -> Event:
        shown = {
            "slot": counts.slot,
            "at_ms": counts.written_at_ms,
            "latencies": counts.latencies,
            "players": [
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
        self._traffic.append(shown)
        return Event("traffic", shown)

    def _report(self, report: DriftReport) -> Event:
        shown = {
            "model": f"{report.name} {report.version}",
            "decides": report.decides,
            "at_ms": report.written_at_ms,
            "columns": {name: [column.psi, column.psi_limit, column.state] for name, column in report.features.items()}
            | {"score": [report.score.psi, report.score.psi_limit, report.score.state]},
        }
        self._drift.append(shown)
        return Event("drift", shown)

    def _change(self, update: ModelUpdate) -> Event:
        shown = {
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
        self._roles.append(shown)
        return Event("roles", shown)

    def _label(self, label: Label) -> Event:
        said = {"fraud": label.fraud, "labelled_by": label.source}
        self._labels.pop(label.transaction_id, None)
        self._labels[label.transaction_id] = said
        if len(self._labels) > LABELS:
            del self._labels[next(iter(self._labels))]
        for alert in self._alerts:
            if alert["transaction_id"] == label.transaction_id:
                alert.update(said)
        return Event("label", {"transaction_id": label.transaction_id} | said)

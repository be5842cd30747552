"""Messages that Alertmanager sends to a webhook."""

from typing import Any

import msgspec

from stream.ledger.alertmanager import webhook_codec
from stream.ledger.upsert import Row

#: Go's zero time, which Alertmanager sends as the end of a firing alert.
NEVER = "0001-01-01T00:00:00Z"


def alert(number: int = 1, *, start_s: int = 0, end_s: int | None = None, **overrides: Any) -> dict[str, Any]:
    """Return alert `number`, firing from `start_s` to `end_s` seconds after noon, as it appears in a message."""
    made = {
        "status": "firing" if end_s is None else "resolved",
        "labels": {"alertname": f"Rule{number}", "severity": "page"},
        "annotations": {"summary": "something is wrong"},
        "startsAt": _timestamp(start_s),
        "endsAt": NEVER if end_s is None else _timestamp(end_s),
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": f"{number:016x}",
    }
    return made | overrides


def message(*alerts: dict[str, Any], **overrides: Any) -> bytes:
    """Return a webhook message with the given alerts."""
    made = {
        "version": "4",
        "groupKey": '{}:{alertname="Rule1"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ledger",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
    }
    return msgspec.json.encode(made | overrides)


def rows(*alerts: dict[str, Any]) -> list[Row]:
    """Return the table rows for alerts, decoded from a message."""
    return [each.row() for each in webhook_codec.decode(message(*alerts)).alerts]


def _timestamp(seconds: int) -> str:
    return f"2026-11-01T12:{seconds // 60:02}:{seconds % 60:02}.123456789Z"

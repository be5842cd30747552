"""Messages that Alertmanager sends to webhooks (version 4): alerts from Prometheus rules, not about transactions.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.message_codec import MessageCodec
from stream.ledger.upsert import Row

AwareDatetime = Annotated[datetime, Meta(tz=True)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Names are sorted, so that the same labels give the same text in whatever order they arrive.
_sorted = msgspec.json.Encoder(order="deterministic")


class FiredAlert(Struct, frozen=True, rename="camel"):
    """An alert. The fingerprint is a hash of the labels; each time the alert fires, it has a new start.

    Raises:
        ValueError: If the alert starts before 1970, or is resolved but has no end.
    """

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{1,64}$", max_length=64)]
    starts_at: AwareDatetime
    #: Year 1, Go's zero time, while the alert is firing.
    ends_at: AwareDatetime | None = None
    annotations: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.starts_at < _EPOCH:
            raise ValueError("startsAt is before 1970")
        if self.status == "resolved" and (self.ends_at is None or self.ends_at < _EPOCH):
            raise ValueError("a resolved alert needs an endsAt of 1970 or later")

    def row(self) -> Row:
        """Return the alert as a row of `alert_history`, without an ingest time."""
        ended = self.ends_at if self.status == "resolved" else None
        return {
            "fingerprint": self.fingerprint,
            "starts_at_ms": _milliseconds(self.starts_at),
            "alertname": self.labels.get("alertname", ""),
            "status": self.status,
            "ends_at_ms": None if ended is None else _milliseconds(ended),
            "labels": _sorted.encode(self.labels).decode(),
            "annotations": _sorted.encode(self.annotations).decode(),
        }


class WebhookMessage(Struct, frozen=True):
    """A webhook message. Fields about groups and receivers are ignored."""

    version: Literal["4"]
    alerts: tuple[FiredAlert, ...]


#: Decodes messages; the text of a RefusedMessageError is one line and contains none of the sender's values.
webhook_codec = MessageCodec(WebhookMessage)


def _milliseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)

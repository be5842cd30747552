"""What Alertmanager's webhook says, version 4: alerts of Prometheus's rules, not those about transactions.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.message_codec import MessageCodec
from stream.ledger.upsert import Row

Moment = Annotated[datetime, Meta(tz=True)]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The same labels are the same text, in whatever order they came.
_sorted = msgspec.json.Encoder(order="deterministic")


class Alert(Struct, frozen=True, rename="camel"):
    """One alert: its labels make its fingerprint; whenever it begins anew it has another start.

    Raises:
        ValueError: If it began before 1970, or was resolved without saying when.
    """

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{1,64}$", max_length=64)]
    starts_at: Moment
    #: Of a firing one the year 1, which is Go for "not yet".
    ends_at: Moment | None = None
    annotations: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.starts_at < _EPOCH:
            raise ValueError("startsAt is before 1970")
        if self.status == "resolved" and (self.ends_at is None or self.ends_at < _EPOCH):
            raise ValueError("a resolved alert has an endsAt, of 1970 or later")

    def row(self) -> Row:
        """Return it as a row of `alert_history`, without an ingest time."""
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


class Notification(Struct, frozen=True):
    """One message of the webhook. What else it says of groups and receivers is not kept."""

    version: Literal["4"]
    alerts: tuple[Alert, ...]


#: Bytes to a notification; RefusedMessageError with one line that holds nothing of the sender's.
notification_codec = MessageCodec(Notification)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)

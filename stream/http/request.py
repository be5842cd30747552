"""What somebody asks about, as one transaction in the bytes that Kafka will get.

Named features are taken as they come: the bytes are the message, and the scorer says what is wrong with them. A bare
list of features is completed to a transaction first, so that it can be read and replayed like any other.
"""

import math
import uuid
from dataclasses import dataclass

import msgspec

from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.manifest import Feature
from schemas.message_codec import MessageCodec
from schemas.messages import FeatureValue, Transaction, encode
from stream.scoring.features import FeaturePlan

#: Minor units: above it log_amount has no inverse that is an amount.
MAX_AMOUNT = 1e15
#: ISO 4217 for "no currency".
NO_CURRENCY = "XXX"


@dataclass(frozen=True, slots=True)
class Asked:
    """One transaction that somebody asks about."""

    #: Empty where the sender named none; the scorer refuses such a one.
    transaction_id: str
    value: bytes


class _Glance(msgspec.Struct, gc=False):
    """What must be known before a transaction is scored."""

    transaction_id: str = ""
    features: msgspec.Raw = msgspec.Raw()


class _Listed(msgspec.Struct, gc=False):
    """A list of features, and whatever the sender knows besides."""

    features: list[float | str | None]
    transaction_id: str | None = None
    card_id: str | None = None
    event_time_ms: int | None = None
    amount_minor: int | None = None
    currency: str = NO_CURRENCY


_glance = MessageCodec(_Glance)
_listed = MessageCodec(_Listed)


def read_asked(body: bytes, plan: FeaturePlan, now_ms: int) -> Asked:
    """Read one transaction.

    Args:
        body: JSON: a transaction, or an object whose `features` are a list, (n_features,) in manifest order.
        plan: Of the champion.
        now_ms: UTC milliseconds, the event time of a list that names none.

    Raises:
        RefusedMessageError: If it is neither. What else is wrong with a transaction, the scorer says.
    """
    glance = _glance.decode(body)
    if not bytes(glance.features).startswith(b"["):
        return Asked(glance.transaction_id, body)
    return _completed(_listed.decode(body), plan, now_ms)


def _completed(listed: _Listed, plan: FeaturePlan, now_ms: int) -> Asked:
    values, features = listed.features, plan.features
    if len(values) != len(features):
        raise RefusedMessageError(
            DeadLetterReason.MISSING_FEATURE,
            f"features is a list of {len(values)} values, the champion takes {len(features)}; GET /model names them",
            "features",
        )
    transaction_id = listed.transaction_id or uuid.uuid4().hex
    named: dict[str, FeatureValue] = {}
    amount = listed.amount_minor
    for feature, value in zip(features, values, strict=True):
        if feature.kind in {"numeric", "categorical"}:
            named[feature.name] = value
        elif amount is None:
            amount = _amount(feature, value)
        if feature.kind in {"hour_sin", "hour_cos"} and listed.event_time_ms is None:
            raise RefusedMessageError(
                DeadLetterReason.MISSING_FIELD, "event_time_ms is missing; the champion needs it", "event_time_ms"
            )
    transaction = Transaction(
        transaction_id,
        listed.card_id or transaction_id,
        now_ms if listed.event_time_ms is None else listed.event_time_ms,
        amount or 0,
        listed.currency,
        named,
    )
    return Asked(transaction_id, encode(transaction))


def _amount(feature: Feature, value: FeatureValue) -> int | None:
    """Return the minor units that a feature was made of; None of one that is made of something else."""
    if feature.kind not in {"amount_minor", "log_amount"}:
        return None
    most = math.log1p(MAX_AMOUNT) if feature.kind == "log_amount" else MAX_AMOUNT
    if not isinstance(value, float) or not 0 <= value <= most:
        raise RefusedMessageError(
            DeadLetterReason.OUT_OF_RANGE, f"feature {feature.name} is not a valid amount", f"features.{feature.name}"
        )
    return round(math.expm1(value) if feature.kind == "log_amount" else value)

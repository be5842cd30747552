"""Parse the body of a prediction request into the transaction that is written to Kafka.

A body with named features is written unchanged, and the scorer reports any errors in it. A bare list of features
is first completed to a transaction, which can then be read and replayed like any other.
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

#: Largest amount in minor units for which log_amount can be inverted exactly.
MAX_AMOUNT = 1e15
#: ISO 4217 code for "no currency".
NO_CURRENCY = "XXX"


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """One transaction to decide.

    Attributes:
        transaction_id: Id of the transaction; empty if it is missing, in which case the scorer rejects the transaction.
        value: The transaction as JSON.
    """

    transaction_id: str
    value: bytes


class _RequestHead(msgspec.Struct, gc=False):
    """The fields of a request that are needed before scoring."""

    transaction_id: str = ""
    features: msgspec.Raw = msgspec.Raw()


class _ListedTransaction(msgspec.Struct, gc=False):
    """A transaction whose features are a list; its other fields are optional."""

    features: list[float | str | None]
    transaction_id: str | None = None
    card_id: str | None = None
    event_time_ms: int | None = None
    amount_minor: int | None = None
    currency: str = NO_CURRENCY


_head_codec = MessageCodec(_RequestHead)
_listed_codec = MessageCodec(_ListedTransaction)


def parse_request(body: bytes, plan: FeaturePlan, now_ms: int) -> PredictionRequest:
    """Parse the body of a request for one prediction.

    Args:
        body: JSON: a transaction, or an object whose `features` are a list, (n_features,) in manifest order.
        plan: Feature plan of the champion.
        now_ms: Current time in UTC milliseconds, used as the event time if the request has a list but no event time.

    Raises:
        RefusedMessageError: If the body has neither form. The scorer detects all other errors in a transaction.
    """
    head = _head_codec.decode(body)
    if not bytes(head.features).startswith(b"["):
        return PredictionRequest(head.transaction_id, body)
    return _complete(_listed_codec.decode(body), plan, now_ms)


def _complete(listed: _ListedTransaction, plan: FeaturePlan, now_ms: int) -> PredictionRequest:
    values, features = listed.features, plan.features
    if len(values) != len(features):
        raise RefusedMessageError(
            DeadLetterReason.MISSING_FEATURE,
            f"features has {len(values)} values but the champion takes {len(features)}; GET /model lists its features",
            "features",
        )
    transaction_id = listed.transaction_id or uuid.uuid4().hex
    named: dict[str, FeatureValue] = {}
    amount = listed.amount_minor
    for feature, value in zip(features, values, strict=True):
        if feature.kind in {"numeric", "categorical"}:
            named[feature.name] = value
        elif amount is None:
            amount = _amount_minor(feature, value)
        if feature.kind in {"hour_sin", "hour_cos"} and listed.event_time_ms is None:
            raise RefusedMessageError(
                DeadLetterReason.MISSING_FIELD, "event_time_ms is missing, but the champion needs it", "event_time_ms"
            )
    transaction = Transaction(
        transaction_id,
        listed.card_id or transaction_id,
        now_ms if listed.event_time_ms is None else listed.event_time_ms,
        amount or 0,
        listed.currency,
        named,
    )
    return PredictionRequest(transaction_id, encode(transaction))


def _amount_minor(feature: Feature, value: FeatureValue) -> int | None:
    """Return the amount in minor units from which a feature was derived; None if it was not derived from the amount."""
    if feature.kind not in {"amount_minor", "log_amount"}:
        return None
    largest = math.log1p(MAX_AMOUNT) if feature.kind == "log_amount" else MAX_AMOUNT
    if not isinstance(value, float) or not 0 <= value <= largest:
        raise RefusedMessageError(
            DeadLetterReason.OUT_OF_RANGE,
            f"the value of feature {feature.name} is outside the range allowed for amounts",
            f"features.{feature.name}",
        )
    return round(math.expm1(value) if feature.kind == "log_amount" else value)

"""A card payment on the topic `transactions`."""

from typing import Generic, Literal, TypeVar

from msgspec import Struct

from schemas.messages.fields import AmountMinor, Currency, EventTimeMs, Identifier

FeaturesT = TypeVar("FeaturesT")


class Transaction(Struct, Generic[FeaturesT], frozen=True, gc=False):
    """One card payment as received.

    The worker reads `Transaction[F]`, where F is built from the champion's manifest; every other program reads
    `Transaction[dict[str, FeatureValue]]`.
    """

    transaction_id: Identifier
    card_id: Identifier
    event_time_ms: EventTimeMs
    amount_minor: AmountMinor
    currency: Currency
    features: FeaturesT
    schema_version: Literal[1] = 1

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

    #: Id chosen by the sender, unique for each payment.
    transaction_id: Identifier
    #: Token of the card, not its number; also the message's key.
    card_id: Identifier
    #: Time of the payment.
    event_time_ms: EventTimeMs
    #: Amount of the payment.
    amount_minor: AmountMinor
    #: Currency of the amount.
    currency: Currency
    #: Values by feature name, as in the champion's manifest; null if a value is unknown.
    features: FeaturesT
    #: Version of the message's format.
    schema_version: Literal[1] = 1

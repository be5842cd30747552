"""Ground truth on the topic `labels`."""

from typing import Literal

from msgspec import Struct

from schemas.messages.fields import EventTimeMs, Identifier


class Label(Struct, frozen=True, gc=False):
    """The ground truth about one transaction. Keyed by transaction_id; may arrive weeks later, in any order."""

    #: Id chosen by the sender; messages with the same id are the same label.
    label_id: Identifier
    #: Id of the transaction that the label is about; also the message's key.
    transaction_id: Identifier
    #: chargeback: the bank reversed the payment. analyst: a person reviewed it. cardholder: the cardholder reported it.
    source: Literal["chargeback", "analyst", "cardholder"]
    #: None: the source withdraws its earlier label.
    fraud: bool | None
    #: Time at which the source learned the outcome.
    event_time_ms: EventTimeMs
    #: Version of the message's format.
    schema_version: Literal[1] = 1

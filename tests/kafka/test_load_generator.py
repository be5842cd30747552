"""The load generator reports transactions that Kafka did not accept, so no measurement counts them as sent."""

import pytest

from schemas.errors import BrokerUnavailableError
from stream.kafka import load_generator
from stream.kafka.load_generator import send_transactions
from tests.support.unreachable import limit_producers, unreachable_kafka


def test_transactions_without_an_acknowledgement_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error counts them and says why."""
    limit_producers(monkeypatch, load_generator)
    with pytest.raises(BrokerUnavailableError, match=r"did not accept 3 of 3 transactions \(.*timed out\)"):
        send_transactions(unreachable_kafka(), "transactions", [("card", b"{}")] * 3)

"""The console's reader while a broker becomes unavailable."""

import pytest

from schemas.errors import BrokerUnavailableError
from stream.kafka import newest_messages
from stream.kafka.newest_messages import NewestMessages
from tests.support.unreachable import unreachable_kafka


def test_a_broker_that_is_lost_after_its_first_response_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker has listed the partitions, which is faked here, and does not respond to the next request."""
    monkeypatch.setattr(newest_messages, "partitions_of", lambda *_: [0])
    monkeypatch.setattr(newest_messages, "CONNECT_S", 0.1)
    with pytest.raises(BrokerUnavailableError, match=r"^Kafka is not responding \(.*\); check FRAUD_KAFKA_BOOTSTRAP$"):
        NewestMessages(unreachable_kafka(), {"decisions": 10})

"""Following a topic through what the client delivers besides messages."""

from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError

from stream.kafka import tail
from stream.kafka.tail import follow_topic
from stream.settings import KafkaSettings


def test_following_outlasts_silence_and_outages(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The end of the topic is silent, an outage is logged, and the next message follows. The client is fake."""
    end, outage = (KafkaError(code) for code in (KafkaError._PARTITION_EOF, KafkaError._ALL_BROKERS_DOWN))
    delivered = [Mock(error=Mock(return_value=each), value=Mock(return_value=b"{}")) for each in (end, outage, None)]
    client = Mock(poll=Mock(side_effect=[None, *delivered]))
    monkeypatch.setattr(tail, "Consumer", lambda _: client)
    monkeypatch.setattr(tail, "require_broker", lambda _: None)
    monkeypatch.setattr(tail, "partitions_of", lambda *_: [0])
    messages = follow_topic(KafkaSettings(), "decisions", from_beginning=True)
    assert next(messages) == b"{}"
    assert [each.message for each in caplog.records if each.name == tail.__name__] == [
        f"following decisions: {outage.str()}; the client retries"
    ]
    messages.close()  # type: ignore[attr-defined]  # a generator
    client.close.assert_called_once()

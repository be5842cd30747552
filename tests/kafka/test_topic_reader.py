"""What a reader of a small topic reports when the topic cannot be read."""

from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError

from schemas.errors import AccessDeniedError, BrokerUnavailableError, FraudError, TopicMissingError
from stream.kafka.topic_reader import TopicReader
from tests.support.unreachable import unreachable_kafka


@pytest.fixture
def reader() -> TopicReader:
    """A reader without a broker."""
    return TopicReader(unreachable_kafka(), "model-updates")


def with_errors(reader: TopicReader, *errors: KafkaError | None) -> TopicReader:
    """Return a reader whose client is fake and delivers these errors: they cannot be provoked at will."""
    reader.close()
    client: Any = Mock()
    client.list_topics.return_value.topics = {"model-updates": Mock(error=None)}
    client.poll.side_effect = [
        Mock(error=Mock(return_value=error), value=Mock(return_value=b"value")) for error in errors
    ]
    reader._consumer = client
    return reader


def test_a_broker_that_is_lost_is_an_error(reader: TopicReader) -> None:
    """The reader gives up in time, and does not return a shorter history."""
    with pytest.raises(BrokerUnavailableError, match=r"^model-updates was not read to its end within 0\.2 s; check"):
        reader.history(timeout=0.2)
    reader.close()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (KafkaError.UNKNOWN_TOPIC_OR_PART, TopicMissingError),
        (KafkaError._UNKNOWN_TOPIC, TopicMissingError),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, AccessDeniedError),
    ],
)
def test_an_error_that_retrying_does_not_resolve_ends_reading(
    reader: TopicReader, code: int, expected: type[FraudError]
) -> None:
    """A topic that was deleted or may not be read is reported at once, not when the time is up."""
    with pytest.raises(expected, match="model-updates"):
        with_errors(reader, KafkaError(code)).history()


def test_a_right_that_is_missing_already_for_metadata_is_reported(reader: TopicReader) -> None:
    """Without the right to describe the topic, its metadata carry the error."""
    reader = with_errors(reader)
    topics = {"model-updates": Mock(error=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))}
    reader._consumer.list_topics.return_value.topics = topics  # type: ignore[attr-defined]  # a mock
    with pytest.raises(AccessDeniedError, match=r"not allowed to read model-updates; docs/topics\.md"):
        reader.history()


def test_following_outlasts_an_outage(reader: TopicReader, caplog: pytest.LogCaptureFixture) -> None:
    """An error that the client retries is logged, and the next message is delivered."""
    reader = with_errors(reader, KafkaError(KafkaError._ALL_BROKERS_DOWN), None)
    assert next(reader.follow(until=lambda: False)) == b"value"
    assert "following model-updates: " in caplog.text

"""What the batch source does with what is no transaction."""

from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError as Code

from schemas.errors import KafkaError
from stream.kafka.source import BatchSource
from stream.settings import Settings


@pytest.fixture
def source() -> BatchSource:
    """A source that is not started: it asks nobody."""
    return BatchSource(Settings().kafka, offer=Mock(), on_error=Mock(), topic="transactions", group="group")


def told(code: int) -> Any:
    """Return what librdkafka hands over instead of a message: a stand-in, for such an error cannot be had at will."""
    return Mock(error=Mock(return_value=Code(code)))


def test_a_right_that_is_missing_ends_the_worker_with_the_mend(source: BatchSource) -> None:
    """Trying again does not grant it."""
    with pytest.raises(KafkaError, match=r"may not be read: .*; grant the user Read on the topic and on group"):
        source._note_error(told(Code.TOPIC_AUTHORIZATION_FAILED))


def test_what_the_client_tries_again_by_itself_is_no_end(source: BatchSource) -> None:
    """And no part of the batch either."""
    assert source._note_error(told(Code._ALL_BROKERS_DOWN)) is False

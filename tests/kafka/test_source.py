"""How the batch source handles errors that it receives instead of messages."""

from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError as Code

from schemas.errors import KafkaError
from stream.kafka.source import BatchSource
from stream.settings import Settings


@pytest.fixture
def source() -> BatchSource:
    """A batch source that is not started and sends no requests."""
    return BatchSource(Settings().kafka, offer=Mock(), on_error=Mock(), topic="transactions", group="group")


def error_message(code: int) -> Any:
    """Return an error as librdkafka delivers it, as a mock: such an error cannot be provoked at will."""
    return Mock(error=Mock(return_value=Code(code)))


def test_a_missing_permission_ends_the_worker_with_a_fix(source: BatchSource) -> None:
    """If a permission is missing, the worker ends with an error that names it, because retrying does not help."""
    with pytest.raises(KafkaError, match=r"cannot read .*; grant the user Read on the topic and on group"):
        source._note_error(error_message(Code.TOPIC_AUTHORIZATION_FAILED))


def test_an_error_that_the_client_retries_is_skipped(source: BatchSource) -> None:
    """An error that the client retries neither ends the source nor becomes part of the batch."""
    assert source._note_error(error_message(Code._ALL_BROKERS_DOWN)) is False

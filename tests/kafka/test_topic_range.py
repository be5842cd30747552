"""Reading a time range of a topic on a real Kafka."""

import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import Consumer
from confluent_kafka import KafkaError as Code

from schemas.errors import BrokerUnavailableError, KafkaError
from stream.kafka import topic_range
from stream.kafka.topic_range import TopicRange, read_range
from stream.settings import Settings
from tests.support.topics import produce_all


def test_the_callers_own_work_is_not_the_brokers_silence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller may take longer over a batch than the broker may be silent: scoring, or sending to a slow broker."""
    passed = 0.0
    monkeypatch.setattr(topic_range, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + passed))
    monkeypatch.setattr(topic_range, "READ_MAX", 1)
    values = [b"1", b"2", b"3"]
    produce_all(settings.kafka.bootstrap, settings.topic.retrain_requests, [(None, value) for value in values])
    read: list[bytes | None] = []
    for batch in read_range(settings.kafka, settings.topic.retrain_requests, TopicRange()):
        read += batch.values
        passed += 2 * topic_range.SILENCE_S
    assert read == values


@pytest.mark.parametrize(
    ("span", "inside"),
    [
        (TopicRange(), [1, 2, 3]),
        (TopicRange(2), [2, 3]),
        (TopicRange(None, 2), [1]),
        (TopicRange(2, 3), [2]),
    ],
)
def test_a_range_contains_its_start_and_not_its_end(span: TopicRange, inside: list[int]) -> None:
    """The range is half-open, and a missing limit does not limit."""
    assert [ms for ms in (1, 2, 3) if span.contains(ms)] == inside


class _FakeReads(Consumer):
    """A consumer whose reads return these messages instead of the topic's."""

    messages: tuple[Any, ...] = ()

    def consume(self, *_: object, **__: object) -> list[Any]:
        """Return the fake messages."""
        return list(self.messages)


def test_a_broker_that_falls_silent_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay must not end early, nor wait forever, if the broker stops sending. The silence is faked."""
    monkeypatch.setattr(topic_range, "Consumer", _FakeReads)
    monkeypatch.setattr(topic_range, "SILENCE_S", 0.1)
    topic = settings.topic.retrain_requests
    produce_all(settings.kafka.bootstrap, topic, [(None, b"1")])
    with pytest.raises(BrokerUnavailableError, match=rf"no message from {topic} for 0\.1 s; check the broker"):
        list(read_range(settings.kafka, topic, TopicRange()))


def test_a_partition_that_cannot_be_read_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing right to read must not look like the partition's end. The error is faked: the broker has no ACLs."""
    denied = Code(Code.TOPIC_AUTHORIZATION_FAILED)
    topic = settings.topic.retrain_requests
    message = Mock(**{"error.return_value": denied, "topic.return_value": topic, "partition.return_value": 0})
    monkeypatch.setattr(_FakeReads, "messages", (message,))
    monkeypatch.setattr(topic_range, "Consumer", _FakeReads)
    produce_all(settings.kafka.bootstrap, topic, [(None, b"1")])
    with pytest.raises(KafkaError, match=rf"cannot read {topic}/0: .*; check the broker and the right to read"):
        list(read_range(settings.kafka, topic, TopicRange()))

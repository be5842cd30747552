"""Reading the newest messages of a topic and following it, on a real Kafka."""

import itertools
import time
import uuid
from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from schemas.errors import AccessDeniedError, BrokerUnavailableError, TopicMissingError
from stream.kafka import recent_messages
from stream.kafka.recent_messages import RecentMessages
from stream.settings import KafkaSettings
from tests.support.topics import create_topic
from tests.support.unreachable import unreachable_kafka

HEADER = "mark"
NOW_MS = time.time_ns() // 1_000_000
OLD_MS, SINCE_MS = NOW_MS - 600_000, NOW_MS - 300_000


@pytest.fixture
def topic(bootstrap: str) -> str:
    """An empty topic with two partitions."""
    name = f"recent-{uuid.uuid4().hex[:8]}"
    create_topic(bootstrap, name, 2)
    return name


@pytest.fixture
def kafka(bootstrap: str) -> KafkaSettings:
    """The connection to the session's Kafka."""
    return KafkaSettings(bootstrap=bootstrap)


def _write(kafka: KafkaSettings, topic: str, partition: int, *messages: tuple[bytes, int]) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for value, timestamp_ms in messages:
        producer.produce(topic, value, partition=partition, timestamp=timestamp_ms, headers={HEADER: value})
        producer.produce(topic, b"without the header", partition=partition, timestamp=timestamp_ms)
    assert producer.flush(10) == 0


def _values(reader: RecentMessages, count: int, timeout: float = 15.0) -> list[bytes | None]:
    """Return the next messages; fail if there are not as many."""
    deadline = time.monotonic() + timeout
    values: list[bytes | None] = []
    for batch in reader.follow(until=lambda: time.monotonic() > deadline):
        values += [message.value for message in batch]
        if len(values) >= count:
            break
    assert len(values) == count
    return values


def _follow_until_caught_up(reader: RecentMessages) -> list[bytes | None]:
    deadline = time.monotonic() + 15
    batches = reader.follow(until=lambda: reader.caught_up or time.monotonic() > deadline)
    values = [message.value for message in itertools.chain.from_iterable(batches)]
    assert reader.caught_up
    return values


@pytest.fixture
def reader(kafka: KafkaSettings, topic: str) -> Iterator[RecentMessages]:
    """A reader of a topic whose first partition has old and new messages, and the other one only an old message."""
    _write(kafka, topic, 0, (b"old", OLD_MS), (b"first", NOW_MS), (b"second", NOW_MS))
    _write(kafka, topic, 1, (b"old", OLD_MS))
    reader = RecentMessages(kafka, topic, HEADER, SINCE_MS)
    yield reader
    reader.close()


def test_messages_since_a_time_are_read_and_new_ones_follow(
    reader: RecentMessages, kafka: KafkaSettings, topic: str
) -> None:
    """Older messages are not read, and no message is missed between the end of the old ones and the new ones."""
    assert not reader.caught_up
    assert _follow_until_caught_up(reader) == [b"first", b"second"]
    _write(kafka, topic, 1, (b"third", NOW_MS))
    assert _values(reader, 1) == [b"third"]


def test_a_message_that_arrives_before_reading_begins_is_read(kafka: KafkaSettings, topic: str) -> None:
    """A partition without recent messages is read from the end that it had when the reader was made."""
    _write(kafka, topic, 0, (b"old", OLD_MS))
    reader = RecentMessages(kafka, topic, HEADER, SINCE_MS)
    assert reader.caught_up
    _write(kafka, topic, 0, (b"new", NOW_MS))
    assert _values(reader, 1) == [b"new"]
    reader.close()


def test_a_new_partition_is_followed(
    reader: RecentMessages, kafka: KafkaSettings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition that is added later is read from its beginning."""
    monkeypatch.setattr(recent_messages, "NEW_PARTITIONS_S", 0.1)
    _values(reader, 2)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_partitions([NewPartitions(topic, 3)])[topic].result(10)
    _write(kafka, topic, 2, (b"of the new partition", NOW_MS))
    assert _values(reader, 1) == [b"of the new partition"]


def test_a_right_that_is_missing_is_an_error(reader: RecentMessages, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker lists a topic also to those who may only write to it; its refusal of the data is faked here."""
    refused = Mock(error=Mock(return_value=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
    client = Mock(poll=Mock(return_value=refused), consume=Mock(return_value=[]))
    consumer = reader._consumer
    monkeypatch.setattr(reader, "_consumer", client)
    with pytest.raises(AccessDeniedError, match=r"not allowed to read .*; docs/topics\.md"):
        next(reader.follow(until=lambda: False))
    monkeypatch.setattr(reader, "_consumer", consumer)


def test_a_topic_that_cannot_be_read_is_an_error(kafka: KafkaSettings) -> None:
    """A missing topic and a missing broker are reported at once."""
    with pytest.raises(TopicMissingError):
        RecentMessages(kafka, "missing", HEADER, SINCE_MS)
    with pytest.raises(BrokerUnavailableError):
        RecentMessages(unreachable_kafka(), "decisions", HEADER, SINCE_MS)

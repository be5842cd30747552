"""An elected reader reads every message on the topic, and knows when it has caught up."""

import threading
from collections.abc import Callable, Iterator
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from schemas.errors import BrokerUnavailableError
from stream.control import election
from stream.control.election import ElectedReader, TopicMessage
from stream.settings import Settings
from tests.support.topics import produce_all
from tests.support.until import until


@pytest.fixture
def reader(settings: Settings) -> Iterator[ElectedReader]:
    """Yield a reader of a topic with one partition."""
    reader = ElectedReader(
        settings.kafka, settings.topic.role_counts, f"{settings.kafka.group}-elected", lambda _: None
    )
    yield reader
    reader.close()


class FailingConsumer:
    """A consumer whose calls fail as the client's do while a broker is restarted, and then succeed."""

    def __init__(self, _: object) -> None:
        self.end_errors = 1
        self.polled: list[Mock | None] = [message(error=KafkaError(KafkaError._TRANSPORT)), message(b"first"), None]

    def subscribe(self, _: object, *, on_assign: Callable[..., None], **__: object) -> None:
        """Be elected at once."""
        on_assign(self, [TopicPartition("role-counts", 0)])

    def incremental_assign(self, _: object) -> None:
        """Do nothing."""

    def get_watermark_offsets(self, *_: object) -> tuple[int, int]:
        """Fail once, then return the offsets of a topic with one message."""
        if self.end_errors:
            self.end_errors -= 1
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return 0, 1

    def poll(self, _: float) -> Mock | None:
        """Return the next message, which may be an error."""
        return self.polled.pop(0) if self.polled else None


def message(value: bytes | None = None, error: KafkaError | None = None) -> Mock:
    """Return a message of the client with offset 0."""
    return Mock(**{"value.return_value": value, "error.return_value": error, "offset.return_value": 0})


def test_errors_of_the_client_are_logged_and_reading_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error between messages hides none of them, and the reader is caught up only once it knows the topic's end."""
    monkeypatch.setattr(election, "Consumer", FailingConsumer)
    reader = ElectedReader(Settings().kafka, "role-counts", "group", lambda _: None)
    assert reader.read(0.0) == [b"first"]
    assert not reader.caught_up, "the end of the topic is unknown"
    assert "cannot read topic role-counts: " in caplog.text
    assert "cannot read the end offset of topic role-counts: " in caplog.text
    reader._consumer.polled.append(message(b"first"))  # type: ignore[attr-defined]
    reader.read(0.0)
    assert [reader.caught_up] == [True]


def test_an_empty_topic_is_caught_up_at_once(reader: ElectedReader) -> None:
    """The reader of an empty topic is caught up at once, because there are no messages to read."""
    until(lambda: bool(reader.read(0.1)) or reader.caught_up)
    assert reader.caught_up


def test_the_reader_is_caught_up_after_everything_is_read(settings: Settings, reader: ElectedReader) -> None:
    """The reader is caught up only after the last message that was on the topic at the election."""
    sent = [str(number).encode() for number in range(3_000)]
    produce_all(settings.kafka.bootstrap, settings.topic.role_counts, [(None, value) for value in sent])
    values: list[bytes | None] = []
    while not reader.caught_up:
        values += reader.read(0.1)
    assert values == sent


def test_the_reader_catches_up_with_a_busy_topic(settings: Settings, reader: ElectedReader) -> None:
    """The reader catches up although the client never reports the end of a partition that always has more messages."""
    ended = threading.Event()

    def write() -> None:
        producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "linger.ms": 0})
        while not ended.wait(0.005):
            producer.produce(settings.topic.role_counts, b"counts")
            producer.poll(0)
        producer.flush()

    busy = threading.Thread(target=write)
    busy.start()
    try:
        until(lambda: bool(reader.read(0.1)) and reader.caught_up)
    finally:
        ended.set()
        busy.join()


def test_reading_begins_at_the_given_offset(settings: Settings) -> None:
    """Messages before the offset are not read, and determining the offset is retried if it fails."""
    sent = [str(number).encode() for number in range(100)]
    produce_all(settings.kafka.bootstrap, settings.topic.role_counts, [(None, value) for value in sent])
    calls: list[int] = []

    def start() -> int:
        calls.append(len(calls))
        if len(calls) == 1:
            raise BrokerUnavailableError("made to fail")
        return 60

    group = f"{settings.kafka.group}-elected"
    reader = ElectedReader(settings.kafka, settings.topic.role_counts, group, lambda _: None, start=start)
    messages: list[TopicMessage] = []
    failures = 0
    try:
        while not reader.caught_up or not messages:
            try:
                messages += reader.read_with_offsets(0.1)
            except BrokerUnavailableError:
                failures += 1
    finally:
        reader.close()
    assert messages == [TopicMessage(number, sent[number]) for number in range(60, 100)]
    assert (failures, len(calls)) == (1, 2)


def test_a_reader_that_begins_at_the_end_waits_for_new_messages(settings: Settings) -> None:
    """A reader that begins at the end of the topic is caught up at once, and then returns new messages."""
    produce_all(settings.kafka.bootstrap, settings.topic.role_counts, [(None, b"first")])
    group = f"{settings.kafka.group}-elected"
    reader = ElectedReader(settings.kafka, settings.topic.role_counts, group, lambda _: None, start=lambda: 1)
    try:
        until(lambda: bool(reader.read(0.1)) or reader.caught_up)
        produce_all(settings.kafka.bootstrap, settings.topic.role_counts, [(None, b"second")])
        until(lambda: reader.read_with_offsets(0.1) == [TopicMessage(1, b"second")])
    finally:
        reader.close()

"""Who is elected reads everything that is there, and knows when it has."""

import threading
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from schemas.errors import BrokerUnavailableError
from stream.control.election import ElectedReader, TopicMessage
from stream.settings import Settings
from tests.support.topics import produce_all
from tests.support.until import until


@pytest.fixture
def reader(settings: Settings) -> Iterator[ElectedReader]:
    """Of a topic of one partition."""
    reader = ElectedReader(settings, settings.topic.role_counts, f"{settings.kafka.group}-elected", lambda _: None)
    yield reader
    reader.close()


def test_of_an_empty_topic_nothing_is_waited_for(reader: ElectedReader) -> None:
    """There is nothing to catch up with."""
    until(lambda: bool(reader.read(0.1)) or reader.caught_up)
    assert reader.caught_up


def test_caught_up_is_not_before_everything_is_read(settings: Settings, reader: ElectedReader) -> None:
    """What was there comes whole, and then it says so."""
    sent = [str(number).encode() for number in range(3_000)]
    produce_all(settings.kafka.bootstrap, settings.topic.role_counts, [(None, value) for value in sent])
    found: list[bytes | None] = []
    while not reader.caught_up:
        found += reader.read(0.1)
    assert found == sent


def test_a_busy_topic_is_caught_up_with(settings: Settings, reader: ElectedReader) -> None:
    """The client tells no end of a partition that never runs dry."""
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


def test_it_begins_where_it_is_told(settings: Settings) -> None:
    """What stands before is not read; what is asked for in vain is asked for again."""
    sent = [str(number).encode() for number in range(100)]
    produce_all(settings.kafka.bootstrap, settings.topic.role_counts, [(None, value) for value in sent])
    asked: list[int] = []

    def start() -> int:
        asked.append(len(asked))
        if len(asked) == 1:
            raise BrokerUnavailableError("made to fail")
        return 60

    group = f"{settings.kafka.group}-elected"
    reader = ElectedReader(settings, settings.topic.role_counts, group, lambda _: None, start=start)
    found: list[Found] = []
    failures = 0
    try:
        while not reader.caught_up or not found:
            try:
                found += reader.read_with_offsets(0.1)
            except BrokerUnavailableError:
                failures += 1
    finally:
        reader.close()
    assert found == [Found(number, sent[number]) for number in range(60, 100)]
    assert (failures, len(asked)) == (1, 2)


def test_at_the_end_it_waits_for_what_comes(settings: Settings) -> None:
    """There is nothing to catch up with."""
    produce_all(settings.kafka.bootstrap, settings.topic.role_counts, [(None, b"first")])
    group = f"{settings.kafka.group}-elected"
    reader = ElectedReader(settings, settings.topic.role_counts, group, lambda _: None, start=lambda: 1)
    try:
        until(lambda: bool(reader.read(0.1)) or reader.caught_up)
        produce_all(settings.kafka.bootstrap, settings.topic.role_counts, [(None, b"second")])
        until(lambda: reader.read_with_offsets(0.1) == [TopicMessage(1, b"second")])
    finally:
        reader.close()

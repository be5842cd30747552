"""Sending messages again on a real Kafka: each exactly once, whatever happens in between."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message

from schemas.errors import BrokerUnavailableError, DataError, KafkaError, TransactionError
from schemas.messages import DeadLetterReplay
from stream.kafka import dead_letter_replay
from stream.kafka.dead_letter_plan import ReplayRules, plan_replay
from stream.kafka.dead_letter_reader import DeadLetterFilter, read_dead_letters, read_replays
from stream.kafka.dead_letter_replay import replay_dead_letters
from stream.settings import Settings
from tests.support.dead_letters import dead_letter, send_dead_letters
from tests.support.topics import produce_all, read_all

EVERYTHING = DeadLetterFilter()


def reject(settings: Settings, values: Sequence[bytes], **overrides: Any) -> None:
    """Write the dead letters of messages that were read from offset 0 on of the transactions topic's partition 0."""
    fields = {"source_topic": settings.topic.transactions} | overrides
    send_dead_letters(settings, *(dead_letter(offset, value, **fields) for offset, value in enumerate(values)))


def replay(settings: Settings, on_sent: Any = lambda _: None, topic: str | None = None) -> int:
    """Send everything again that can be sent."""
    kafka, topics = settings.kafka, settings.topic
    rules = ReplayRules(frozenset({topic or topics.transactions}))
    plan = plan_replay(read_dead_letters(kafka, topics, EVERYTHING), read_replays(kafka, topics), rules)
    return replay_dead_letters(kafka, topics, EVERYTHING, plan, on_sent) if plan.chosen else 0


def sent(settings: Settings, topic: str | None = None) -> list[Message]:
    """Return the committed messages of a source topic."""
    return read_all(settings.kafka.bootstrap, topic or settings.topic.transactions)


@pytest.mark.parametrize("key", [b"card-1", b"", None])
def test_a_message_keeps_its_key_and_bytes_and_is_marked(settings: Settings, key: bytes | None) -> None:
    """The message has the original key and bytes; its headers say where it comes from and how often it was sent."""
    value = bytes(range(256))
    reject(settings, [value], key=key)
    assert replay(settings) == 1
    (message,) = sent(settings)
    assert (message.key(), message.value()) == (key, value)
    (stored,) = read_dead_letters(settings.kafka, settings.topic, EVERYTHING)
    origin = f"{settings.topic.dead_letters}/{stored.id}".encode()
    assert message.headers() == [("fraud-replayed-from", origin), ("fraud-replays", b"1")]


def test_a_second_run_sends_nothing(settings: Settings) -> None:
    """Each run leaves out what earlier runs have sent, also if new dead letters have arrived."""
    reject(settings, [b"a", b"b"])
    assert replay(settings) == 2
    assert replay(settings) == 0
    reject(settings, [b"a", b"b", b"c"])
    assert replay(settings) == 1
    assert sorted(message.value() or b"" for message in sent(settings)) == [b"a", b"b", b"c"]
    records = [
        msgspec.json.decode(message.value() or b"", type=DeadLetterReplay)
        for message in read_all(settings.kafka.bootstrap, settings.topic.dead_letter_replays)
    ]
    assert [each.source_offset for each in records] == [0, 1, 2]


def test_a_kafka_transaction_is_limited_in_bytes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large messages are sent in several transactions; one that exceeds the limit has a transaction of its own."""
    monkeypatch.setattr(dead_letter_replay, "CHUNK_BYTES", 10)
    values = [b"1" * 6, b"2" * 4, b"3", b"4" * 20, b"5"]
    reject(settings, values)
    counts: list[int] = []
    assert replay(settings, counts.append) == 5
    assert counts == [2, 3, 4, 5]
    assert [message.value() for message in sent(settings)] == values


def test_a_missing_topic_that_a_replay_does_not_use_is_not_missed(settings: Settings) -> None:
    """A user with the documented rights does not see our other topics, so their absence is no error."""
    reject(settings, [b"a"])
    blind = settings.replace(topic_drift_counts="missing", topic_decisions="missing-too")
    assert replay(blind) == 1
    assert len(sent(settings)) == 1


def test_without_a_response_the_error_says_to_run_it_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out is not blamed on the messages, and the error says what was sent."""

    def time_out(_: object) -> None:
        raise TransactionError("timed out", fenced=False, written_nothing=True, unavailable=True)

    @contextmanager
    def unresponsive(*_: object) -> Iterator[Callable[[object], None]]:
        yield time_out

    monkeypatch.setattr(dead_letter_replay, "sole_transactions", unresponsive)
    reject(settings, [b"a"])
    with pytest.raises(BrokerUnavailableError, match=r"0 messages were certainly sent\. Run the same command again"):
        replay(settings)


class CrashError(Exception):
    """Stands in for a crash."""


def test_after_a_crash_the_rest_is_sent(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends between two transactions is continued by the next run; nothing is sent twice."""
    monkeypatch.setattr(dead_letter_replay, "CHUNK", 2)
    values = [b"%d" % number for number in range(5)]
    reject(settings, values)

    def crash(count: int) -> None:
        if count == 4:
            raise CrashError

    with pytest.raises(CrashError):
        replay(settings, crash)
    assert len(sent(settings)) == 4
    assert replay(settings) == 1
    assert [message.value() for message in sent(settings)] == values


def test_two_replays_at_once_send_each_message_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay that starts during another takes over: the first ends with an error, and nothing is sent twice."""
    monkeypatch.setattr(dead_letter_replay, "CHUNK", 2)
    values = [b"%d" % number for number in range(6)]
    reject(settings, values)
    second: list[int] = []

    def start_another(count: int) -> None:
        if count == 2:
            second.append(replay(settings))

    with pytest.raises(KafkaError, match="another replay was started and has taken over; 2 messages were sent before"):
        replay(settings, start_another)
    assert second == [4]
    assert [message.value() for message in sent(settings)] == values


def test_what_kafka_rejects_is_an_error(settings: Settings) -> None:
    """If Kafka rejects a message, here because it exceeds the topic's limit, the error says what to do."""
    labels = settings.topic.labels
    reject(settings, [b"small", os.urandom(1_500_000)], source_topic=labels)
    with pytest.raises(KafkaError, match=r"rejected the messages after 0 messages were sent .*Fix the cause, or leave"):
        replay(settings, topic=labels)
    assert sent(settings, labels) == []
    assert read_replays(settings.kafka, settings.topic) == {}


@pytest.mark.parametrize("record", [b"{}", b"\xff", None])
def test_nothing_is_sent_if_it_is_unknown_what_was_sent(settings: Settings, record: bytes | None) -> None:
    """A record that this version cannot read may belong to any message, which could be charged twice."""
    reject(settings, [b"a"])
    produce_all(settings.kafka.bootstrap, settings.topic.dead_letter_replays, [(None, record)])
    with pytest.raises(DataError, match=r"/0/0 cannot be read .* if a newer version wrote it, upgrade this program"):
        replay(settings)
    assert sent(settings) == []

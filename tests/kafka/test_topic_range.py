"""Reading a time range of a topic on a real Kafka."""

import time
from types import SimpleNamespace

import pytest

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

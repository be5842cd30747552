"""Topics on a real broker: made once, there for whoever asks next, and one clear line where that cannot be."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.errors import KafkaError, TopicMissingError
from stream.kafka import topics
from stream.kafka.topics import create_topics, require_topics, topic_table
from stream.settings import Settings


@pytest.mark.parametrize("partitions", range(1, 11))
def test_who_asks_next_finds_them(make_settings: Callable[..., Settings], partitions: int) -> None:
    """A worker that starts as soon as they are made never hears that one is missing. Often, for it is a race."""
    settings = make_settings(topic_partitions=partitions)
    with pytest.raises(TopicMissingError, match="create it with `fraud-stream topics`"):
        require_topics(settings.kafka, settings.topic)
    ready = Consumer({"bootstrap.servers": settings.kafka.bootstrap, "group.id": "ready"})
    ready.list_topics(timeout=10)  # connected, it is quicker than any worker
    made = create_topics(settings.kafka, settings.topic)
    places = [TopicPartition(spec.name, n) for spec in topic_table(settings.topic) for n in range(spec.partitions)]
    ends = {ready.get_watermark_offsets(place, timeout=10) for place in places}
    ready.close()
    assert ends == {(0, 0)}
    assert made == [spec.name for spec in topic_table(settings.topic)]
    require_topics(settings.kafka, settings.topic)
    assert create_topics(settings.kafka, settings.topic) == []


def test_what_the_broker_refuses_is_told(make_settings: Callable[..., Settings]) -> None:
    """One broker cannot keep three copies."""
    with pytest.raises(KafkaError, match=r"was not created: .*eplication.*; create it by hand, or ask for other"):
        create_topics(settings.kafka, settings.topic)


def test_what_nobody_leads_is_not_waited_for_for_ever(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker in that state cannot be had at will: its admin is a stand-in."""
    settings = make_settings()
    admin = Mock()
    admin.list_topics.return_value.topics = {}
    admin.create_topics.return_value = {}
    monkeypatch.setattr(topics, "require_broker", Mock())
    monkeypatch.setattr(topics, "AdminClient", Mock(return_value=admin))
    monkeypatch.setattr(topics, "CONNECT_S", 0.1)
    line = f"topic {settings.topic.transactions} cannot be used after 0.1 s: no broker leads it; look"
    with pytest.raises(KafkaError, match=line):
        create_topics(settings.kafka, settings.topic)

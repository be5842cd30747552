"""Topics on a real broker: made once, there for whoever asks next, and one clear line where that cannot be."""

from collections.abc import Callable
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.errors import KafkaError, TopicMissingError
from stream.kafka import topics
from stream.kafka.topics import create_topics, require_topics, topic_table
from stream.settings import Settings


@pytest.mark.parametrize("partitions", range(1, 11))
def test_who_asks_next_finds_them(make_settings: Callable[..., Settings], partitions: int) -> None:
    """A worker that starts as soon as they are made never hears that one is missing. Often, for it is a race."""
    settings = make_settings(partitions=partitions)
    with pytest.raises(TopicMissingError, match="create it with `fraud-stream topics`"):
        require_topics(settings)
    ready = AdminClient({"bootstrap.servers": settings.bootstrap})
    ready.list_topics(timeout=10)  # connected, it is quicker than any worker
    made = create_topics(settings)
    shown = ready.list_topics(timeout=10).topics
    assert made == [spec.name for spec in topic_table(settings) if spec.name in shown]
    require_topics(settings)
    assert create_topics(settings) == []


def test_what_the_broker_refuses_is_told(make_settings: Callable[..., Settings]) -> None:
    """One broker cannot keep three copies."""
    with pytest.raises(KafkaError, match=r"was not created: .*eplication.*; create it by hand, or ask for other"):
        create_topics(make_settings(replication=3))


@pytest.mark.parametrize("leader", [-1, None])
def test_what_nobody_leads_is_not_waited_for_for_ever(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, leader: int | None
) -> None:
    """Nor is a broker that falls silent. A broker in that state cannot be had at will: its admin is a stand-in."""
    settings = make_settings()
    leaderless = Mock(partitions={0: SimpleNamespace(leader=leader)})
    shown = {spec.name: leaderless for spec in topic_table(settings)}
    answers = [Mock(topics={})] + ([Mock(topics=shown)] if leader is not None else []) + [KafkaException()] * 1000
    admin = Mock(**{"list_topics.side_effect": answers, "create_topics.return_value": {}})
    monkeypatch.setattr(topics, "require_broker", Mock())
    monkeypatch.setattr(topics, "AdminClient", Mock(return_value=admin))
    monkeypatch.setattr(topics, "CONNECT_S", 0.1)
    line = f"topic {settings.topic_transactions} was created, and not all its partitions have a leader"
    with pytest.raises(KafkaError, match=line):
        create_topics(settings)

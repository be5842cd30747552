"""Topics on a real broker: they are created once and usable at once, and a failed creation is a clear error."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.errors import KafkaError, TopicMissingError
from stream.kafka import topics
from stream.kafka.topics import create_topics, require_topics, topic_table
from stream.settings import Settings


@pytest.mark.parametrize("partitions", range(1, 11))
def test_new_topics_are_usable_at_once(make_settings: Callable[..., Settings], partitions: int) -> None:
    """A worker that starts right after topics are created finds them all. The test is repeated because it is a race."""
    settings = make_settings(topic_partitions=partitions)
    with pytest.raises(TopicMissingError, match="create it with `fraud-stream topics`"):
        require_topics(settings.kafka, settings.topic)
    connected = Consumer({"bootstrap.servers": settings.kafka.bootstrap, "group.id": "connected"})
    connected.list_topics(timeout=10)  # connects, so that it is faster than any worker
    created = create_topics(settings.kafka, settings.topic)
    specs = topic_table(settings.topic)
    all_partitions = [TopicPartition(spec.name, n) for spec in specs for n in range(spec.partitions)]
    watermarks = {connected.get_watermark_offsets(each, timeout=10) for each in all_partitions}
    connected.close()
    assert watermarks == {(0, 0)}
    assert created == [spec.name for spec in specs]
    require_topics(settings.kafka, settings.topic)
    assert create_topics(settings.kafka, settings.topic) == []


def test_a_refusal_of_the_broker_is_an_error(make_settings: Callable[..., Settings]) -> None:
    """If the broker rejects a topic, here because of three replicas on a single broker, a KafkaError is raised."""
    settings = make_settings(topic_replication=3)
    with pytest.raises(KafkaError, match=r"was not created: .*eplication.*; create it by hand, or change FRAUD_TOPIC"):
        create_topics(settings.kafka, settings.topic)


def test_waiting_for_a_leader_times_out(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for leaders times out. The admin client is a mock: a test cannot leave a real broker leaderless."""
    settings = make_settings()
    admin = Mock()
    admin.list_topics.return_value.topics = {}
    admin.create_topics.return_value = {}
    monkeypatch.setattr(topics, "require_broker", Mock())
    monkeypatch.setattr(topics, "AdminClient", Mock(return_value=admin))
    monkeypatch.setattr(topics, "CONNECT_S", 0.1)
    line = f"topic {settings.topic.transactions} is not usable after 0.1 s: no broker leads it; check"
    with pytest.raises(KafkaError, match=line):
        create_topics(settings.kafka, settings.topic)

"""Topics on a real broker: they are created once and usable at once, and a failed creation is a clear error."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.errors import BrokerUnavailableError, KafkaError, TopicMissingError
from stream.kafka import topics
from stream.kafka.clients import client_config, consumer_config
from stream.kafka.topics import create_topics, partitions_of, require_topics, topic_table, wait_until_usable
from stream.settings import KafkaSettings, Settings
from tests.support.unreachable import unreachable_kafka


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


def test_a_broker_that_is_lost_while_topics_become_usable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names a topic and the reason, and what to do."""
    monkeypatch.setattr(topics, "CONNECT_S", 0.1)
    monkeypatch.setattr(topics, "ATTEMPT_S", 0.1)
    admin = AdminClient(client_config(unreachable_kafka()) | {"log_level": 0})
    with pytest.raises(KafkaError, match=r"topic decisions is not usable after 0\.1 s: .*; check the brokers' logs"):
        wait_until_usable(admin, {"decisions": 1})


def partitions(kafka: KafkaSettings, topic: str) -> list[int]:
    """Return the partitions of a topic."""
    consumer = Consumer(consumer_config(kafka) | {"group.id": "partitions", "log_level": 0})
    try:
        return partitions_of(consumer, kafka, topic)
    finally:
        consumer.close()


def test_a_topic_that_the_broker_rejects_is_an_error(make_settings: Callable[..., Settings]) -> None:
    """The broker's own reason is shown: such a topic is not merely missing."""
    kafka = make_settings().kafka
    with pytest.raises(KafkaError, match=r"^topic no topic on .*nvalid topic; check the broker's log$"):
        partitions(kafka, "no topic")


def test_partitions_of_an_unavailable_broker_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting to check."""
    monkeypatch.setattr(topics, "CONNECT_S", 0.1)
    with pytest.raises(BrokerUnavailableError, match="check FRAUD_KAFKA_BOOTSTRAP"):
        partitions(unreachable_kafka(), "decisions")

"""Every topic's partitions, retention, cleanup and size limit. Nothing is created by accident."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import KafkaError as ClientError
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # not in its type stubs
from confluent_kafka.cimpl import NewTopic

from schemas.errors import BrokerAwayError, KafkaError, TopicMissingError
from stream.kafka.clients import ATTEMPT_S, CONNECT_S, MAX_MESSAGE_BYTES, client_config, require_broker
from stream.settings import KafkaSettings, TopicSettings

DAY_MS = 24 * 60 * 60 * 1000
FOR_EVER = -1
#: Seconds between two looks whether new topics can be used, which takes about a third of a second.
LOOK_AGAIN_S = 0.05


@dataclass(frozen=True)
class TopicSpec:
    """What a topic must be."""

    name: str
    partitions: int
    retention_ms: int
    cleanup: str = "delete"
    max_message_bytes: int = 1024 * 1024

    @property
    def config(self) -> dict[str, str]:
        """As Kafka names it."""
        return {
            "retention.ms": str(self.retention_ms),
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(self.max_message_bytes),
        }


def topic_table(topics: TopicSettings) -> tuple[TopicSpec, ...]:
    """Return every topic of the project."""
    n = topics.partitions
    return (
        TopicSpec(topics.transactions, n, 7 * DAY_MS, max_message_bytes=2 * 1024 * 1024),
        TopicSpec(topics.transactions_http, n, 7 * DAY_MS),
        TopicSpec(topics.decisions, n, 30 * DAY_MS),
        TopicSpec(topics.alerts, n, 30 * DAY_MS),
        TopicSpec(topics.shadow_scores, n, 30 * DAY_MS),
        # Chargebacks come weeks late, and a ledger built anew wants all that decisions of today will be judged by.
        TopicSpec(topics.labels, n, 180 * DAY_MS),
        TopicSpec(topics.dead_letters, n, 90 * DAY_MS, max_message_bytes=MAX_MESSAGE_BYTES),
        # The audit of who decided when: one partition for one order, kept for ever.
        TopicSpec(topics.model_updates, 1, FOR_EVER),
        TopicSpec(topics.worker_status, 1, 7 * DAY_MS, cleanup="compact"),
        # One partition: whoever holds it is the guard. A shadow period lies within its retention.
        TopicSpec(topics.role_counts, 1, 7 * DAY_MS),
        # One partition for one order, which the windows are cut by; a window that is open for longer loses its begin.
        # 13 KB at 30 features, in a thousand it is 450.
        TopicSpec(topics.drift_counts, 1, 3 * DAY_MS, max_message_bytes=MAX_MESSAGE_BYTES),
        TopicSpec(topics.drift_reports, 1, 180 * DAY_MS, max_message_bytes=MAX_MESSAGE_BYTES),
        # One partition: who asks reads it whole, and of two askers at once the second sees the first's request.
        TopicSpec(topics.retrain_requests, 1, 180 * DAY_MS),
    )


def create_topics(kafka: KafkaSettings, topics: TopicSettings) -> list[str]:
    """Create the topics that are not there yet and return their names, once all topics can be used.

    Raises:
        BrokerAwayError: If no broker answers.
        KafkaError: If the broker refuses, or they cannot be used within CONNECT_S.
    """
    require_broker(kafka)
    admin = AdminClient(client_config(kafka))
    present = admin.list_topics(timeout=CONNECT_S).topics
    wanted = [spec for spec in topic_table(topics) if spec.name not in present]
    new = [
        NewTopic(spec.name, spec.partitions, replication_factor=topics.replication, config=spec.config)
        for spec in wanted
    ]
    # An empty list is refused.
    made = admin.create_topics(new, operation_timeout=CONNECT_S) if new else {}
    for name, future in made.items():
        try:
            future.result()
        except KafkaException as error:
            raise KafkaError(
                f"topic {name} was not created: {error.args[0].str()}; create it by hand, or ask for other numbers"
            ) from None
    # Those that were there, too: an earlier call may have given up on them.
    await_use(
        admin,
        {
            spec.name: len(present[spec.name].partitions) if spec.name in present else spec.partitions
            for spec in topic_table(topics)
        },
    )
    return [spec.name for spec in wanted]


def await_use(admin: AdminClient, partitions: Mapping[str, int]) -> None:
    """Wait until of each topic, given with the number of its partitions, the leaders answer.

    The controller answers as soon as it has written the topics down. Brokers read that later, and become leaders later
    still; until then whoever asks one of them is told that it knows no such topic, or does not lead it.

    Raises:
        KafkaError: If they do not within CONNECT_S.
    """
    places = [TopicPartition(topic, number) for topic, count in partitions.items() for number in range(count)]
    deadline = time.monotonic() + CONNECT_S
    while (found := _first_fault(admin, places)) is not None:
        topic, fault = found
        if time.monotonic() >= deadline:
            raise KafkaError(
                f"topic {topic} cannot be used after {CONNECT_S:g} s: {fault}; "
                "look at the brokers' logs, and run `fraud-stream topics` again"
            )
        time.sleep(LOOK_AGAIN_S)


def _first_fault(admin: AdminClient, places: list[TopicPartition]) -> tuple[str, str] | None:
    try:
        shown = admin.list_topics(timeout=ATTEMPT_S).topics
    except KafkaException as error:
        return places[0].topic, error.args[0].str()
    led = {(topic, n) for topic, found in shown.items() for n, each in found.partitions.items() if each.leader >= 0}
    for place in places:
        # Asked for offsets of what has no leader, the client waits for its whole time.
        if (place.topic, place.partition) not in led:
            return place.topic, "no broker leads it"
    newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # likewise
    asked = admin.list_offsets(dict.fromkeys(places, newest), request_timeout=ATTEMPT_S)
    for place, answer in asked.items():
        try:
            answer.result()
        except KafkaException as error:
            return place.topic, error.args[0].str()
    return None


def partitions_of(consumer: Consumer, kafka: KafkaSettings, topic: str) -> list[int]:
    """Return the numbers of a topic's partitions.

    Raises:
        TopicMissingError: If the broker does not know the topic.
        BrokerAwayError: If no broker answers.
        KafkaError: If the broker does not say, for want of a right perhaps.
    """
    try:
        found = consumer.list_topics(topic, timeout=CONNECT_S).topics[topic]
    except KafkaException as error:
        raise BrokerAwayError(f"no Kafka answers ({error.args[0].str()}); look at FRAUD_KAFKA_BOOTSTRAP") from None
    if found.error is not None and found.error.code() != ClientError.UNKNOWN_TOPIC_OR_PART:
        raise KafkaError(f"topic {topic} on {kafka.bootstrap}: {found.error.str()}; look at the broker's log")
    if found.error is not None:
        raise TopicMissingError(
            f"topic {topic} does not exist on {kafka.bootstrap}; "
            "check its name, or create our topics with `fraud-stream topics`"
        )
    return list(found.partitions)


def require_topics(kafka: KafkaSettings, topics: TopicSettings) -> None:
    """Check that a broker answers and every topic is there.

    Raises:
        BrokerAwayError: If no broker answers.
        TopicMissingError: Naming the first topic that is not there.
    """
    require_broker(kafka)
    present = AdminClient(client_config(kafka)).list_topics(timeout=CONNECT_S).topics
    for spec in topic_table(topics):
        if spec.name not in present:
            raise TopicMissingError(
                f"topic {spec.name} is not on {kafka.bootstrap}; create it with `fraud-stream topics`"
            )

"""The table of topics, with their partitions, retention, cleanup policy and size limit, and the creation of topics."""

import time
from collections.abc import Container, Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import KafkaError as ClientError
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # not in its type stubs
from confluent_kafka.cimpl import NewTopic

from schemas.errors import AccessDeniedError, BrokerUnavailableError, KafkaError, TopicMissingError
from stream.kafka.clients import ATTEMPT_S, CONNECT_S, MAX_MESSAGE_BYTES, client_config, require_broker
from stream.settings import KafkaSettings, TopicSettings

DAY_MS = 24 * 60 * 60 * 1000
FOREVER = -1
#: Seconds between checks of new topics, which become usable after about a third of a second.
CHECK_S = 0.05


@dataclass(frozen=True)
class TopicSpec:
    """Name and configuration of a topic."""

    name: str
    partitions: int
    retention_ms: int
    cleanup: str = "delete"
    max_message_bytes: int = 1024 * 1024

    @property
    def config(self) -> dict[str, str]:
        """The topic's configuration, by Kafka property name."""
        return {
            "retention.ms": str(self.retention_ms),
            "cleanup.policy": self.cleanup,
            "max.message.bytes": str(self.max_message_bytes),
        }


def topic_table(topics: TopicSettings) -> tuple[TopicSpec, ...]:
    """Return the specification of every topic of the project."""
    n = topics.partitions
    return (
        TopicSpec(topics.transactions, n, 7 * DAY_MS, max_message_bytes=2 * 1024 * 1024),
        TopicSpec(topics.transactions_http, n, 7 * DAY_MS),
        TopicSpec(topics.decisions, n, 30 * DAY_MS),
        TopicSpec(topics.alerts, n, 30 * DAY_MS),
        TopicSpec(topics.shadow_scores, n, 30 * DAY_MS),
        # Chargebacks arrive weeks late, and a rebuilt ledger needs the labels of all recent decisions.
        TopicSpec(topics.labels, n, 180 * DAY_MS),
        TopicSpec(topics.dead_letters, n, 90 * DAY_MS, max_message_bytes=MAX_MESSAGE_BYTES),
        # One partition: a single writer at a time. Kept longer than any dead letter, which a segment may keep for some
        # days beyond its retention: without its record, a message could be sent again twice.
        TopicSpec(topics.dead_letter_replays, 1, 180 * DAY_MS),
        # The audit trail of role changes: one partition for a total order, kept forever.
        TopicSpec(topics.model_updates, 1, FOREVER),
        TopicSpec(topics.worker_status, 1, 7 * DAY_MS, cleanup="compact"),
        # One partition: the worker that it is assigned to is the rollback monitor. Retention covers a shadow period.
        TopicSpec(topics.role_counts, 1, 7 * DAY_MS),
        # One partition: its total order defines the windows. A window that stays open beyond the retention time loses
        # its start. A message takes 13 KB with 30 features, 450 KB with a thousand.
        TopicSpec(topics.drift_counts, 1, 3 * DAY_MS, max_message_bytes=MAX_MESSAGE_BYTES),
        TopicSpec(topics.drift_reports, 1, 180 * DAY_MS, max_message_bytes=MAX_MESSAGE_BYTES),
        # One partition: every requester reads the entire topic, and so sees all earlier requests.
        TopicSpec(topics.retrain_requests, 1, 180 * DAY_MS),
    )


def create_topics(kafka: KafkaSettings, topics: TopicSettings) -> list[str]:
    """Create the missing topics and return their names, once all topics are usable.

    Raises:
        BrokerUnavailableError: If no broker responds.
        KafkaError: If the broker rejects a topic, or the topics are not usable within `CONNECT_S` seconds.
    """
    require_broker(kafka)
    admin = AdminClient(client_config(kafka))
    present = admin.list_topics(timeout=CONNECT_S).topics
    missing = [spec for spec in topic_table(topics) if spec.name not in present]
    new = [
        NewTopic(spec.name, spec.partitions, replication_factor=topics.replication, config=spec.config)
        for spec in missing
    ]
    # Kafka rejects an empty list.
    futures = admin.create_topics(new, operation_timeout=CONNECT_S) if new else {}
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            raise KafkaError(
                f"topic {name} was not created: {error.args[0].str()}; create it by hand, or change "
                "FRAUD_TOPIC_PARTITIONS and FRAUD_TOPIC_REPLICATION"
            ) from None
    # Wait for existing topics too: an earlier call may have timed out while waiting for them.
    wait_until_usable(
        admin,
        {
            spec.name: len(present[spec.name].partitions) if spec.name in present else spec.partitions
            for spec in topic_table(topics)
        },
    )
    return [spec.name for spec in missing]


def wait_until_usable(admin: AdminClient, partitions: Mapping[str, int]) -> None:
    """Wait until the leaders of all partitions respond.

    The controller responds as soon as it has recorded the topics. Brokers read that record later, and become leaders
    later still; until then they respond that the topic is unknown or that they do not lead it.

    Args:
        admin: Admin client.
        partitions: Number of partitions by topic.

    Raises:
        KafkaError: If the leaders do not respond within `CONNECT_S` seconds.
    """
    all_partitions = [TopicPartition(topic, number) for topic, count in partitions.items() for number in range(count)]
    deadline = time.monotonic() + CONNECT_S
    while (unusable := _first_unusable(admin, all_partitions)) is not None:
        topic, reason = unusable
        if time.monotonic() >= deadline:
            raise KafkaError(
                f"topic {topic} is not usable after {CONNECT_S:g} s: {reason}; "
                "check the brokers' logs, and run `fraud-stream topics` again"
            )
        time.sleep(CHECK_S)


def _first_unusable(admin: AdminClient, partitions: list[TopicPartition]) -> tuple[str, str] | None:
    """Return the topic of the first unusable partition and the reason; None if all partitions are usable."""
    try:
        topics = admin.list_topics(timeout=ATTEMPT_S).topics
    except KafkaException as error:
        return partitions[0].topic, error.args[0].str()
    led = {(name, n) for name, topic in topics.items() for n, each in topic.partitions.items() if each.leader >= 0}
    for partition in partitions:
        # A query for the offsets of a partition without a leader takes its full timeout.
        if (partition.topic, partition.partition) not in led:
            return partition.topic, "no broker leads it"
    newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # likewise
    futures = admin.list_offsets(dict.fromkeys(partitions, newest), request_timeout=ATTEMPT_S)
    for partition, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            return partition.topic, error.args[0].str()
    return None


def partitions_of(consumer: Consumer, kafka: KafkaSettings, topic: str) -> list[int]:
    """Return the numbers of a topic's partitions.

    Raises:
        TopicMissingError: If the topic does not exist.
        BrokerUnavailableError: If no broker responds.
        KafkaError: If the broker rejects the request, for example for lack of a permission.
    """
    try:
        metadata = consumer.list_topics(topic, timeout=CONNECT_S).topics[topic]
    except KafkaException as error:
        raise BrokerUnavailableError(
            f"Kafka is not responding ({error.args[0].str()}); check FRAUD_KAFKA_BOOTSTRAP"
        ) from None
    if metadata.error is not None and metadata.error.code() != ClientError.UNKNOWN_TOPIC_OR_PART:
        raise KafkaError(f"topic {topic} on {kafka.bootstrap}: {metadata.error.str()}; check the broker's log")
    if metadata.error is not None:
        raise TopicMissingError(
            f"topic {topic} does not exist on {kafka.bootstrap}; "
            "check its name, or create all topics with `fraud-stream topics`"
        )
    return list(metadata.partitions)


def access_denied(topic: str) -> AccessDeniedError:
    """Return the error of a client whose user may not read a topic."""
    return AccessDeniedError(f"not allowed to read {topic}; docs/topics.md lists the rights to grant")


def require_topics(kafka: KafkaSettings, topics: TopicSettings, names: Container[str] | None = None) -> None:
    """Check that a broker responds and that topics exist.

    Args:
        kafka: Kafka connection.
        topics: Topic names.
        names: Names of the topics to check; None for all.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If a topic does not exist. The error names the first missing topic.
    """
    require_broker(kafka)
    present = AdminClient(client_config(kafka)).list_topics(timeout=CONNECT_S).topics
    for spec in topic_table(topics):
        if (names is None or spec.name in names) and spec.name not in present:
            raise TopicMissingError(
                f"topic {spec.name} does not exist on {kafka.bootstrap}; create it with `fraud-stream topics`"
            )

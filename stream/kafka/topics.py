"""Every topic's partitions, retention, cleanup and size limit. Nothing is created by accident."""

import time
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.errors import KafkaError, TopicMissingError
from stream.kafka.clients import CONNECT_S, MAX_MESSAGE_BYTES, client_config, require_broker
from stream.settings import Settings

DAY_MS = 24 * 60 * 60 * 1000
FOR_EVER = -1
LOOK_AGAIN_S = 0.02


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


def topic_table(settings: Settings) -> tuple[TopicSpec, ...]:
    """Return every topic of the project."""
    n = settings.partitions
    return (
        TopicSpec(settings.topic_transactions, n, 7 * DAY_MS, max_message_bytes=2 * 1024 * 1024),
        TopicSpec(settings.topic_transactions_http, n, 7 * DAY_MS),
        TopicSpec(settings.topic_decisions, n, 30 * DAY_MS),
        TopicSpec(settings.topic_alerts, n, 30 * DAY_MS),
        TopicSpec(settings.topic_shadow_scores, n, 30 * DAY_MS),
        # Chargebacks come weeks late, and a ledger built anew wants all that decisions of today will be judged by.
        TopicSpec(settings.topic_labels, n, 180 * DAY_MS),
        TopicSpec(settings.topic_dead_letters, n, 90 * DAY_MS, max_message_bytes=MAX_MESSAGE_BYTES),
        # The audit of who decided when: one partition for one order, kept for ever.
        TopicSpec(settings.topic_model_updates, 1, FOR_EVER),
        TopicSpec(settings.topic_worker_status, 1, 7 * DAY_MS, cleanup="compact"),
        # One partition: whoever holds it is the guard. A shadow period lies within its retention.
        TopicSpec(settings.topic_role_counts, 1, 7 * DAY_MS),
        # One partition for one order, which the windows are cut by; a window that is open for longer loses its begin.
        # 13 KB at 30 features, in a thousand it is 450.
        TopicSpec(settings.topic_drift_counts, 1, 3 * DAY_MS, max_message_bytes=MAX_MESSAGE_BYTES),
        TopicSpec(settings.topic_drift_reports, 1, 180 * DAY_MS, max_message_bytes=MAX_MESSAGE_BYTES),
        # One partition: who asks reads it whole, and of two askers at once the second sees the first's request.
        TopicSpec(settings.topic_retrain_requests, 1, 180 * DAY_MS),
    )


def create_topics(settings: Settings) -> list[str]:
    """Create the topics that are not there yet, wait until they can be used, and return their names.

    Raises:
        BrokerAwayError: If no broker answers.
        KafkaError: If the broker refuses, or does not show them within CONNECT_S.
    """
    require_broker(settings)
    admin = AdminClient(client_config(settings))
    present = admin.list_topics(timeout=CONNECT_S).topics
    wanted = [spec for spec in topic_table(settings) if spec.name not in present]
    if not wanted:
        return []
    new = [
        NewTopic(spec.name, spec.partitions, replication_factor=settings.replication, config=spec.config)
        for spec in wanted
    ]
    for name, future in admin.create_topics(new, operation_timeout=CONNECT_S).items():
        try:
            future.result()
        except KafkaException as error:
            raise KafkaError(
                f"topic {name} was not created: {error.args[0].str()}; create it by hand, or ask for other numbers"
            ) from None
    _await_leaders(admin, wanted)
    return [spec.name for spec in wanted]


def _await_leaders(admin: AdminClient, wanted: list[TopicSpec]) -> None:
    """Wait until the broker shows each partition with a leader.

    The controller answers as soon as it has written the topics down; brokers read that later, and until then whoever
    asks one of them is told that there is no such topic.
    """
    deadline = time.monotonic() + CONNECT_S
    while (name := _without_leaders(admin, wanted)) is not None:
        if time.monotonic() >= deadline:
            raise KafkaError(
                f"topic {name} was created, and not all its partitions have a leader after {CONNECT_S:g} s; "
                "look at the brokers' logs, and run `fraud-stream topics` again"
            )
        time.sleep(LOOK_AGAIN_S)


def _without_leaders(admin: AdminClient, wanted: list[TopicSpec]) -> str | None:
    try:
        shown = admin.list_topics(timeout=CONNECT_S).topics
    except KafkaException:  # it answered a moment ago; what the deadline is for
        return wanted[0].name
    for spec in wanted:
        partitions = shown[spec.name].partitions.values() if spec.name in shown else ()
        if sum(each.leader >= 0 for each in partitions) < spec.partitions:
            return spec.name
    return None


def require_topics(settings: Settings) -> None:
    """Check that a broker answers and every topic is there.

    Raises:
        BrokerAwayError: If no broker answers.
        TopicMissingError: Naming the first topic that is not there.
    """
    require_broker(settings)
    present = AdminClient(client_config(settings)).list_topics(timeout=CONNECT_S).topics
    for spec in topic_table(settings):
        if spec.name not in present:
            raise TopicMissingError(
                f"topic {spec.name} is not on {settings.bootstrap}; create it with `fraud-stream topics`"
            )

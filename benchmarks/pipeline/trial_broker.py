"""One broker for all programs, with input topics that are read repeatedly and new output topics for each trial.

The topics of the previous trial are deleted, because a broker with a thousand partitions spends its time on garbage
collection, so that the last trial would run on a slower broker than the first.
"""

import logging
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # not in its type stubs
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
)

from benchmarks.pipeline.inputs import BenchmarkInputs
from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from schemas.messages import Challenger
from stream.control.role_writer import publish_roles
from stream.kafka.clients import CONNECT_S, client_config, consumer_config
from stream.kafka.load_generator import send_transactions
from stream.kafka.topics import create_topics
from stream.runtime.ports import free_port
from stream.settings import Settings

log = logging.getLogger(__name__)

_LATEST: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # no type stubs either


class TrialBroker:
    """A broker that is prepared for one trial after another.

    Args:
        bootstrap: Address of the broker.
        inputs: Bundle store, and bundles to give a role.
    """

    def __init__(self, bootstrap: str, inputs: BenchmarkInputs) -> None:
        self._base = Settings().replace(kafka_bootstrap=bootstrap, bundle_store=inputs.store)
        self._inputs = inputs
        self._trials = 0
        self._trial_topics: list[str] = []

    def prepare(
        self, *, challengers: int = 1, roles: tuple[Challenger, ...] | None = None, transactions: str | None = None
    ) -> Settings:
        """Delete the previous trial's topics, create new ones, publish the roles and return the trial's settings.

        Args:
            challengers: Number of challengers from the inputs to give a role.
            roles: Challengers to publish instead of those from the inputs.
            transactions: Existing input topic to read again; a new input topic by default.
        """
        self._delete_trial_topics()
        self._trials += 1
        prefix = f"trial-{self._trials}"
        overrides = {f"topic_{field}": f"{prefix}-{name}" for field, name in self._base.topic.names.items()}
        if transactions:
            overrides["topic_transactions"] = transactions
        settings = self._base.replace(kafka_group=prefix, web_port=free_port(), **overrides)
        self._trial_topics = create_topics(settings.kafka, settings.topic)
        _use_broker_timestamps(settings)
        if roles is None:
            roles = tuple(Challenger(ref) for ref in self._inputs.challengers[:challengers])
        publish_roles(settings.kafka, settings.topic, champion=self._inputs.champion, challengers=roles, author="bench")
        return settings

    def fill(self, messages: NumberedTransactions, on_sent: Callable[[int], object]) -> str:
        """Fill a new input topic, which is kept for later trials, and return its name."""
        settings = self.prepare()
        send_transactions(settings.kafka, settings.topic.transactions, messages, on_sent=on_sent)
        self._trial_topics.remove(settings.topic.transactions)
        return settings.topic.transactions

    def _delete_trial_topics(self) -> None:
        topics, self._trial_topics = self._trial_topics, []
        if not topics:
            return
        admin = AdminClient(client_config(self._base.kafka))  # must outlive its futures
        for name, future in admin.delete_topics(topics, operation_timeout=CONNECT_S).items():
            try:
                future.result()
            except KafkaException as error:  # it only slows the next trials down a little
                log.warning("could not delete topic %s (%s); it stays on the broker", name, error.args[0].str())


def committed_end(settings: Settings) -> int:
    """Return the sum of the decisions topic's committed end offsets, which include transaction markers."""
    admin = AdminClient(client_config(settings.kafka))
    partitions = [TopicPartition(settings.topic.decisions, p) for p in range(settings.topic.partitions)]
    futures = admin.list_offsets(
        dict.fromkeys(partitions, _LATEST),
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=CONNECT_S,
    )
    return sum(future.result().offset for future in futures.values())


def read_decisions(settings: Settings) -> list[Any]:
    """Return every committed message in the decisions topic, as confluent_kafka messages."""
    consumer = Consumer(consumer_config(settings.kafka) | {"group.id": f"{settings.kafka.group}-read-all"})
    consumer.assign([TopicPartition(settings.topic.decisions, p, 0) for p in range(settings.topic.partitions)])
    messages: list[Any] = []
    finished_partitions = 0
    while finished_partitions < settings.topic.partitions:
        for message in consumer.consume(10_000, 0.1):
            if message.error() is None:
                messages.append(message)
            else:  # end of a partition
                finished_partitions += 1
    consumer.close()
    return messages


def _use_broker_timestamps(settings: Settings) -> None:
    """Make the broker stamp decisions with its append time, whatever timestamp the producer sets."""
    entry = ConfigEntry("message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, settings.topic.decisions, incremental_configs=[entry])
    admin = AdminClient(client_config(settings.kafka))  # must outlive its futures
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()

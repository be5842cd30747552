"""The field that all programs run on: one broker, inputs that are read again, and outputs fresh for each trial.

The topics of the trial before are deleted: a broker that keeps a thousand partitions collects garbage all the time, and
the last trial would find another broker than the first.
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

from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.inputs import Materials
from schemas.messages import Challenger
from stream.control.role_writer import publish_roles
from stream.kafka.clients import CONNECT_S, client_config, consumer_config
from stream.kafka.load_generator import send
from stream.kafka.topics import create_topics
from stream.runtime.ports import free_port
from stream.settings import Settings

log = logging.getLogger(__name__)

_LATEST: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # likewise


class Field:
    """Makes the settings of one trial after the other.

    Args:
        bootstrap: The broker's address.
        materials: Bundles.
    """

    def __init__(self, bootstrap: str, materials: Materials) -> None:
        self._base = Settings().replace(kafka_bootstrap=bootstrap, bundle_store=materials.store)
        self._materials = materials
        self._trials = 0
        self._used: list[str] = []

    def prepare(
        self, *, challengers: int = 1, watching: tuple[Challenger, ...] | None = None, transactions: str | None = None
    ) -> Settings:
        """Create a trial's topics and give the roles; those of the trial before are gone.

        Args:
            challengers: How many of the materials' watch.
            watching: Instead of them.
            transactions: Input topic to read again; a fresh one by default.
        """
        self._clear()
        self._trials += 1
        mark = f"trial-{self._trials}"
        own = {f"topic_{field}": f"{mark}-{name}" for field, name in self._base.topic.names.items()}
        if transactions:
            own["topic_transactions"] = transactions
        settings = self._base.replace(kafka_group=mark, web_port=free_port(), **own)
        self._used = create_topics(settings)
        _stamp_on_append(settings)
        if watching is None:
            watching = tuple(Challenger(ref) for ref in self._materials.challengers[:challengers])
        publish_roles(settings, champion=self._materials.champion, challengers=watching, author="bench")
        return settings

    def fill(self, feed: Feed, on_sent: Callable[[int], object]) -> str:
        """Fill a fresh input topic, which stays for trials to read again; return its name."""
        settings = self.prepare()
        send(settings, feed, on_sent=on_sent)
        self._used.remove(settings.topic.transactions)
        return settings.topic.transactions

    def _clear(self) -> None:
        used, self._used = self._used, []
        if not used:
            return
        admin = AdminClient(client_config(self._base))  # must outlive its answers
        for name, future in admin.delete_topics(used, operation_timeout=CONNECT_S).items():
            try:
                future.result()
            except KafkaException as error:  # it costs the next trials a little
                log.warning("topic %s was not deleted: %s", name, error.args[0].str())


def committed_end(settings: Settings) -> int:
    """Return the sum of the decision topic's ends, as far as it is committed; transaction markers count too."""
    admin = AdminClient(client_config(settings))
    places = [TopicPartition(settings.topic.decisions, p) for p in range(settings.topic.partitions)]
    answers = admin.list_offsets(
        dict.fromkeys(places, _LATEST),
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=CONNECT_S,
    )
    return sum(future.result().offset for future in answers.values())


def read_all(settings: Settings) -> list[Any]:
    """Read every committed decision that is there, as confluent_kafka messages."""
    consumer = Consumer(consumer_config(settings) | {"group.id": f"{settings.kafka.group}-read-all"})
    consumer.assign([TopicPartition(settings.topic.decisions, p, 0) for p in range(settings.topic.partitions)])
    found: list[Any] = []
    ended = 0
    while ended < settings.topic.partitions:
        for message in consumer.consume(10_000, 0.1):
            if message.error() is None:
                found.append(message)
            else:  # the end of a partition
                ended += 1
    consumer.close()
    return found


def _stamp_on_append(settings: Settings) -> None:
    """Let the broker's clock stamp decisions when it appends them, whatever their producer says."""
    entry = ConfigEntry("message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, settings.topic.decisions, incremental_configs=[entry])
    admin = AdminClient(client_config(settings))  # must outlive its answers
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()

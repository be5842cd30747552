"""Settings that no other test of the suite uses."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stream.runtime.ports import free_port
from stream.settings import Settings


@contextlib.contextmanager
def isolated_settings(directory: Path, bootstrap: Callable[[], str]) -> Iterator[Callable[..., Settings]]:
    """Yield a factory of settings whose topics, group, slot, web port and bundle store no other test uses.

    Every value can be overridden by name. All settings from the factory share topics and group, but differ in
    slot and port. The topics are deleted at the end.

    Args:
        directory: Directory in which to create the bundle store.
        bootstrap: Returns the bootstrap server to use unless `kafka_bootstrap=` is given.
    """
    prefix = uuid.uuid4().hex[:8]
    brokers: set[str] = set()
    topics = {f"topic_{field}": f"{prefix}-{default}" for field, default in Settings().topic.names.items()}

    def make(**overrides: Any) -> Settings:
        own: dict[str, Any] = {
            "kafka_group": f"{prefix}-group",
            "kafka_slot": f"{prefix}-{uuid.uuid4().hex[:8]}",
            "bundle_store": str(directory / "bundles"),
            "web_port": free_port(),
            "topic_partitions": 2,  # half the default, to spare the broker: there are hundreds of tests
        }
        if "kafka_bootstrap" not in overrides:
            own["kafka_bootstrap"] = bootstrap()
            brokers.add(own["kafka_bootstrap"])
        return Settings().replace(**(topics | own | overrides))

    try:
        yield make
    finally:
        for address in brokers:
            _delete_topics(address, list(topics.values()))


def _delete_topics(bootstrap: str, names: list[str]) -> None:
    """Delete the topics, because thousands of leftover partitions would slow down the broker."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for future in admin.delete_topics(names).values():
        with contextlib.suppress(KafkaException):  # most tests create only some of them
            future.result()

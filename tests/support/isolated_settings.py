"""Settings that nobody else in the suite uses."""

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
    """Yield a factory of settings whose topics, group, slot, web port and bundle store nobody else uses.

    Everything can be overridden by name. Its calls share topics and group, as two workers do, and differ in slot and
    port. The topics are deleted at the end.

    Args:
        directory: For the bundle store.
        bootstrap: Asked for the broker where `kafka_bootstrap=` is not given.
    """
    mark = uuid.uuid4().hex[:8]
    on: set[str] = set()
    topics = {f"topic_{field}": f"{mark}-{default}" for field, default in Settings().topic.names.items()}

    def make(**overrides: Any) -> Settings:
        own: dict[str, Any] = {
            "kafka_group": f"{mark}-group",
            "kafka_slot": f"{mark}-{uuid.uuid4().hex[:8]}",
            "bundle_store": str(directory / "bundles"),
            "web_port": free_port(),
            "topic_partitions": 2,  # half the default: the broker pays for each, and there are hundreds of tests
        }
        if "kafka_bootstrap" not in overrides:
            own["kafka_bootstrap"] = bootstrap()
            on.add(own["kafka_bootstrap"])
        return Settings().replace(**(topics | own | overrides))

    try:
        yield make
    finally:
        for address in on:
            _delete_topics(address, list(topics.values()))


def _delete_topics(bootstrap: str, names: list[str]) -> None:
    """Leave no partitions behind: at the end of the suite a broker with thousands would be a slow one."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for future in admin.delete_topics(names).values():
        with contextlib.suppress(KafkaException):  # most tests create some of them only
            future.result()

"""Fixtures on a real Kafka. Tests share one broker and nothing else: topics, groups and slots are each test's own."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from stream.kafka.broker import LocalBroker
from stream.kafka.ports import free_port
from stream.kafka.topics import create_topics
from stream.settings import Settings
from tests.support.session_broker import session_broker

# A property holds or does not; how long an example takes says only how busy the machine is.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def bootstrap() -> Iterator[str]:
    """Address of the session's broker: KAFKA_BOOTSTRAP if set, else a container, else a local Kafka."""
    with session_broker() as address:
        yield address


@pytest.fixture
def own_broker() -> Iterator[LocalBroker]:
    """A broker of the test's own, to be stopped, killed and started again."""
    with LocalBroker() as broker:
        yield broker


@pytest.fixture
def topic() -> str:
    """A topic name that no other test uses."""
    return f"topic-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def make_settings(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Settings]:
    """Factory of settings whose topics, group, slot, web port and bundle store no other test uses.

    Everything can be overridden by name. Two calls in one test share topics and group, as two workers do, and differ
    in slot and port. Only without `bootstrap=` is the session's broker started.
    """
    mark = uuid.uuid4().hex[:8]
    topics = {
        field: f"{mark}-{default}"
        for field, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True)
        if field.startswith("topic_")
    }

    def make(**overrides: Any) -> Settings:
        own: dict[str, Any] = {
            "group": f"{mark}-group",
            "slot": f"{mark}-{uuid.uuid4().hex[:8]}",
            "bundle_store": str(tmp_path / "bundles"),
            "web_port": free_port(),
        }
        if "bootstrap" not in overrides:
            own["bootstrap"] = request.getfixturevalue("bootstrap")
        return Settings(**(topics | own | overrides))

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings of the test's own whose topics exist on the session's broker."""
    made = make_settings()
    create_topics(made)
    return made

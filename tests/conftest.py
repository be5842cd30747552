"""Fixtures on a real Kafka. Tests share one broker and nothing else: topics, groups and slots are each test's own."""

import contextlib
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from schemas.errors import KafkaError
from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.local.distribution import fetch_distribution
from stream.runtime import ports
from stream.settings import Settings
from tests.support.isolated_settings import isolated_settings
from tests.support.session_broker import session_broker

# A property holds or does not; how long an example takes says only how busy the machine is.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


#: In which first part of the suite the files on Kafka begin.
KAFKA_SHARE = 0.7


def pytest_configure(config: pytest.Config) -> None:
    """Let the suite's processes, which run at once, fetch nothing twice and take no port from each other."""
    # Threads that fit a model together wait for each other by spinning: where more want to run than there are cores,
    # a small fit then takes six times the processor time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    process: dict[str, Any] | None = getattr(config, "workerinput", None)
    if process is None:
        # Without network or package, the tests that need a broker say so.
        with contextlib.suppress(KafkaError):
            fetch_distribution()  # before there are two who would
        if config.getoption("numprocesses", None):
            with contextlib.suppress(KafkaError):
                _share_broker(config)
    else:
        number, count = int(process["workerid"].removeprefix("gw")), int(process["workercount"])
        ports._PORTS = ports._PORTS[number::count]  # a port is free until its server starts, which takes seconds


def _share_broker(config: pytest.Config) -> None:
    """Start the session's broker for all processes, instead of one for each."""
    broker_of_all = contextlib.ExitStack()
    os.environ["KAFKA_BOOTSTRAP"] = broker_of_all.enter_context(session_broker())
    config.add_cleanup(broker_of_all.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files on a real Kafka, which mostly wait, among the others, which compute.

    They come early, for they take long, and at the end no process should wait for another's.
    """
    files = list(dict.fromkeys(item.path for item in items))
    on_kafka = {
        item.path
        for item in items
        if isinstance(item, pytest.Function) and {"make_settings", "own_broker", "bootstrap"} & set(item.fixturenames)
    }
    place: dict[Path, float] = {}
    for share, found in ((KAFKA_SHARE, on_kafka), (1.0, set(files) - on_kafka)):
        ordered = [path for path in files if path in found]
        place |= {path: share * number / len(ordered) for number, path in enumerate(ordered)}
    items.sort(key=lambda item: place[item.path])


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Give the log its level back: a command that a test runs in its own process sets it for good."""
    logger = logging.getLogger("stream")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(scope="session")
def bootstrap() -> Iterator[str]:
    """Address of the session's broker: KAFKA_BOOTSTRAP if set, else a container, else a local Kafka."""
    with session_broker() as address:
        yield address


@pytest.fixture
def own_broker() -> Iterator[LocalBroker]:
    """A broker of the test's own, to be stopped, killed and started again."""
    with LocalBroker(brief=True) as broker:
        yield broker


@pytest.fixture
def topic() -> str:
    """A topic name that no other test uses."""
    return f"topic-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def make_settings(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Settings]]:
    """Factory of settings that no other test uses; without `bootstrap=` they are on the session's broker."""
    with isolated_settings(tmp_path, lambda: str(request.getfixturevalue("bootstrap"))) as make:
        yield make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings of the test's own whose topics exist on the session's broker."""
    made = make_settings()
    create_topics(made.kafka, made.topic)
    return made

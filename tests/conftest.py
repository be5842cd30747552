"""Fixtures on a real Kafka. Tests share only the broker: each test has its own topics, groups and slots."""

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
from tests.support.kinds import forbid_servers, is_unit_test, may_have_unit_tests, uses_broker
from tests.support.session_broker import session_broker
from tests.support.session_faults import SessionFaults

# No deadline: how long an example takes depends on how busy the machine is.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.register_profile("unit", deadline=None, max_examples=25)
hypothesis.settings.load_profile("untimed")


#: Fraction of the suite, from its start, over which the test files that use Kafka are spread.
KAFKA_SHARE = 0.7


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that selects the unit tests."""
    parser.addoption("--unit", action="store_true", help="run only tests that need neither Kafka nor other programs")


def pytest_configure(config: pytest.Config) -> None:
    """Prevent the suite's parallel processes from downloading anything twice and from taking each other's ports.

    Faults that belong to no test fail the run.
    """
    # OpenMP threads wait for each other by spinning: with more threads than cores, a small fit takes six times the
    # processor time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config.pluginmanager.register(SessionFaults(config))
    process: dict[str, Any] | None = getattr(config, "workerinput", None)
    if config.getoption("unit"):
        forbid_servers()
        hypothesis.settings.load_profile("unit")
    elif process is None:
        # If the network or the package is missing, the tests that need a broker report the error.
        with contextlib.suppress(KafkaError):
            fetch_distribution()  # before two processes do
        if config.getoption("numprocesses", None):
            with contextlib.suppress(KafkaError):
                _share_broker(config)
    if process is not None:
        number, count = int(process["workerid"].removeprefix("gw")), int(process["workercount"])
        # A free port stays free until its server starts, which takes seconds.
        ports._PORTS = ports._PORTS[number::count]


def _share_broker(config: pytest.Config) -> None:
    """Start one broker for all processes instead of one broker per process."""
    shared_broker = contextlib.ExitStack()
    os.environ["KAFKA_BOOTSTRAP"] = shared_broker.enter_context(session_broker())
    config.add_cleanup(shared_broker.close)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """In a unit run, do not even import the files without unit tests, because they import slow libraries."""
    if not config.getoption("unit") or not (collection_path.is_dir() or collection_path.match("test_*.py")):
        return None
    return None if may_have_unit_tests(collection_path) else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark unit and integration tests, select with --unit, and order the files.

    The test files that use Kafka, which mostly wait, are mixed with the other files, which compute. They take longer,
    so they start early: then no process waits for another at the end.
    """
    for item in items:
        if is_unit_test(item):
            item.add_marker("unit")
        elif not item.get_closest_marker("integration"):
            item.add_marker("integration")
    if config.getoption("unit"):
        config.hook.pytest_deselected(items=[item for item in items if not item.get_closest_marker("unit")])
        items[:] = [item for item in items if item.get_closest_marker("unit")]
    files = list(dict.fromkeys(item.path for item in items))
    on_kafka = {item.path for item in items if uses_broker(item)}
    order: dict[Path, float] = {}
    for share, group in ((KAFKA_SHARE, on_kafka), (1.0, set(files) - on_kafka)):
        ordered = [path for path in files if path in group]
        order |= {path: share * number / len(ordered) for number, path in enumerate(ordered)}
    items.sort(key=lambda item: order[item.path])


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Reset the log level after the test: a command that runs in the test's process changes it permanently."""
    logger = logging.getLogger("stream")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(scope="session")
def bootstrap() -> Iterator[str]:
    """Bootstrap server of the session: KAFKA_BOOTSTRAP if set, else a container, else a local Kafka."""
    with session_broker() as address:
        yield address


@pytest.fixture
def own_broker() -> Iterator[LocalBroker]:
    """A broker that only this test uses, so the test may stop, kill and restart it."""
    with LocalBroker(brief=True) as broker:
        yield broker


@pytest.fixture
def topic() -> str:
    """A topic name that no other test uses."""
    return f"topic-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def make_settings(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Settings]]:
    """Factory of settings that no other test uses, on the session's broker unless `kafka_bootstrap=` is given."""
    with isolated_settings(tmp_path, lambda: str(request.getfixturevalue("bootstrap"))) as make:
        yield make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings that no other test uses, whose topics exist on the session's broker."""
    made = make_settings()
    create_topics(made.kafka, made.topic)
    return made

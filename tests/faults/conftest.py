"""Fixtures of the fault tests: topics with a published champion, and worker processes that end with their test."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.messages import Challenger
from stream.control.role_writer import publish_roles
from stream.kafka.topics import create_topics
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.worker_process import WorkerProcess


def publish_champion(settings: Settings) -> None:
    """Publish bundle 1 as champion and bundle 2, which scores a little higher, as challenger."""
    store = Path(settings.bundle.store)
    champion, challenger = put_bundle(store, "1"), put_bundle(store, "2", bias=-3.0)
    publish_roles(
        settings.kafka, settings.topic, champion=champion, challengers=(Challenger(challenger),), author="test"
    )


@pytest.fixture
def ready(make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Factory of settings whose topics exist and whose champion and challenger are published."""

    def make(**overrides: Any) -> Settings:
        settings = make_settings(**overrides)
        create_topics(settings.kafka, settings.topic)
        publish_champion(settings)
        return settings

    return make


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[[Settings], WorkerProcess]]:
    """Return a function that starts worker processes. Each process ends no later than the test."""
    with contextlib.ExitStack() as workers:
        yield lambda settings: workers.enter_context(WorkerProcess(settings, tmp_path))

"""An edge with a champion and a challenger, on the session's Kafka."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.kafka.ports import free_port
from stream.kafka.topics import create_topics
from stream.settings import Settings
from tests.faults.conftest import publish_champion
from tests.support.http_process import HttpProcess


@pytest.fixture
def make_http_settings(make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Factory of settings whose topics exist and whose champion and challenger are published."""

    def make(**overrides: Any) -> Settings:
        settings = make_settings(http_port=free_port(), **overrides)
        create_topics(settings)
        publish_champion(settings)
        return settings

    return make


@pytest.fixture
def start_edge(tmp_path: Path) -> Iterator[Callable[[Settings], HttpProcess]]:
    """Start edges, and wait until they are ready; each ends with the test at the latest."""
    with contextlib.ExitStack() as edges:

        def start(settings: Settings) -> HttpProcess:
            edge = edges.enter_context(HttpProcess(settings, tmp_path))
            edge.wait_ready()
            return edge

        yield start


@pytest.fixture
def edge(make_http_settings: Callable[..., Settings], start_edge: Callable[[Settings], HttpProcess]) -> HttpProcess:
    """An edge with the settings by default."""
    return start_edge(make_http_settings())

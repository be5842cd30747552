"""Fixtures: HTTP edges with a champion and a challenger, on the session's Kafka."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.kafka.topics import create_topics
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.faults.conftest import publish_champion
from tests.support.http_process import HttpProcess
from tests.support.isolated_settings import isolated_settings


def _with_champion(make: Callable[..., Settings], **overrides: Any) -> Settings:
    settings = make(http_port=free_port(), **overrides)
    create_topics(settings.kafka, settings.topic)
    publish_champion(settings)
    return settings


@pytest.fixture
def make_http_settings(make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    """Factory for settings whose topics exist and whose champion and challenger are published."""
    return functools.partial(_with_champion, make_settings)


@pytest.fixture
def start_edge(tmp_path: Path) -> Iterator[Callable[[Settings], HttpProcess]]:
    """Factory of running edges that are ready. Each edge ends no later than its test."""
    with contextlib.ExitStack() as edges:

        def start(settings: Settings) -> HttpProcess:
            edge = edges.enter_context(HttpProcess(settings, tmp_path))
            edge.wait_ready()
            return edge

        yield start


@pytest.fixture
def edge(make_http_settings: Callable[..., Settings], start_edge: Callable[[Settings], HttpProcess]) -> HttpProcess:
    """A running edge with default settings."""
    return start_edge(make_http_settings())


@pytest.fixture(scope="module")
def shared_edge(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpProcess]:
    """One edge shared by those tests in a module that only send requests.

    These tests share its idempotency cache: a transaction that is sent twice gets the same response.
    """
    directory = tmp_path_factory.mktemp("shared")
    with isolated_settings(directory, lambda: bootstrap) as make, HttpProcess(_with_champion(make), directory) as edge:
        edge.wait_ready()
        yield edge

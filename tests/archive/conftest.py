"""Fixtures that start archive processes and stop them when the test ends."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.kafka.topics import create_topics
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.archive_process import ArchiveProcess


@pytest.fixture
def archive_settings(make_settings: Callable[..., Settings], tmp_path: Path) -> Callable[..., Settings]:
    """Return a factory for archive settings whose topics exist and whose files are closed after one second.

    All settings from one factory have the same topics, group and archive, so that two archive processes can share the
    partitions.
    """
    group = f"archive-{uuid.uuid4().hex[:8]}"

    def make(**overrides: Any) -> Settings:
        own: dict[str, Any] = {
            "archive_url": f"file://{tmp_path}/archive",
            "archive_group": group,
            "archive_web_port": free_port(),
            "archive_file_s": 1.0,
        }
        settings = make_settings(**(own | overrides))
        create_topics(settings.kafka, settings.topic)
        return settings

    return make


@pytest.fixture
def start_archive(tmp_path: Path) -> Iterator[Callable[[Settings], ArchiveProcess]]:
    """Return a function that starts an archive process and stops it when the test ends."""
    with contextlib.ExitStack() as running:
        yield lambda settings: running.enter_context(ArchiveProcess(settings, tmp_path))

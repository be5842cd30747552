"""Fixtures: real databases, and ledger processes that end with their test."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from stream.kafka.topics import create_topics
from stream.ledger.database import opened_engine
from stream.ledger.migrate import migrate
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.ledger_process import LedgerProcess
from tests.support.postgres import Postgres, binaries, postgres


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    """The session's Postgres. Tests that need it are skipped if none is installed."""
    programs = binaries()
    if programs is None:
        pytest.skip("no initdb here: `apt-get install postgresql`, as .ci/run does on Debian")
    with postgres(programs) as running:
        yield running


@pytest.fixture
def new_url(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return a factory for URLs of new databases, by kind: sqlite or postgres."""

    def make(kind: str) -> str:
        name = f"ledger-{uuid.uuid4().hex[:8]}"
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/{name}.db"
        running: Postgres = request.getfixturevalue("cluster")
        return running.create_database(name)

    return make


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, new_url: Callable[[str], str]) -> str:
    """URL of an empty database; tests run once for each kind of database."""
    return new_url(request.param)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A migrated ledger database without rows; tests run once for each kind of database."""
    with opened_engine(url) as opened:
        migrate(opened)
        yield opened


@pytest.fixture
def ledger_settings(make_settings: Callable[..., Settings], new_url: Callable[[str], str]) -> Callable[..., Settings]:
    """Factory of ledger settings, which all name the same topics and groups, so that two ledgers can share them."""

    def make(database: str = "sqlite", **overrides: Any) -> Settings:
        own: dict[str, Any] = {"ledger_web_port": free_port()}
        if "ledger_url" not in overrides:
            own["ledger_url"] = new_url(database)
        settings = make_settings(**(own | overrides))
        create_topics(settings.kafka, settings.topic)
        return settings

    return make


@pytest.fixture
def start_ledger(tmp_path: Path) -> Iterator[Callable[[Settings], LedgerProcess]]:
    """Return a function that starts a ledger process and stops it when the test ends."""
    with contextlib.ExitStack() as running:
        yield lambda settings: running.enter_context(LedgerProcess(settings, tmp_path))

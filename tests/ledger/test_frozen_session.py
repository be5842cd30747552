"""The session of a ledger that froze between its statements, on a real Postgres: no server timeout ends it."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import Engine, text

from schemas.errors import LedgerUnavailableError
from stream.ledger.database import opened_engine, writing
from tests.support.until import until

_COUNT = text("UPDATE held SET n = n + 1")


@pytest.fixture
def engine(new_url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A Postgres database that waits one second for locks, with a row to lock."""
    monkeypatch.setattr("stream.ledger.database.BUSY_S", 1.0)
    with opened_engine(new_url("postgres")) as opened:
        with writing(opened) as connection:
            connection.execute(text("CREATE TABLE held AS SELECT 0 AS n"))
        yield opened


@pytest.fixture
def hold(engine: Engine) -> Iterator[Callable[[str], psycopg.Connection]]:
    """Return a function that locks the row like a program with this name that froze between its statements."""
    opened: list[psycopg.Connection] = []

    def lock_row(program: str) -> psycopg.Connection:
        address = engine.url.set(drivername="postgresql").render_as_string()
        connection = psycopg.connect(address, application_name=program, autocommit=True)
        opened.append(connection)
        connection.execute("BEGIN")
        connection.pgconn.enter_pipeline_mode()
        connection.pgconn.send_query_params(str(_COUNT).encode(), None)
        connection.pgconn.send_flush_request()
        connection.pgconn.flush()
        until(lambda: _has_result(connection), 5)
        return connection

    yield lock_row
    for connection in opened:
        connection.close()


def test_a_frozen_ledger_loses_its_locks(engine: Engine, hold: Callable[[str], psycopg.Connection]) -> None:
    """A frozen ledger loses its locks after twice the time that a writer waits; a slow session keeps its own."""
    hold("fraud-stream ledger")
    started = time.monotonic()
    until(lambda: _increment(engine), 15)
    assert time.monotonic() - started > 2


def test_another_program_keeps_its_locks(engine: Engine, hold: Callable[[str], psycopg.Connection]) -> None:
    """The ledger waits for other programs in the database and never terminates them."""
    connection = hold("psql")
    for _ in range(4):
        assert not _increment(engine)
    connection.pgconn.finish()
    until(lambda: _increment(engine), 5)


def _has_result(connection: psycopg.Connection) -> bool:
    connection.pgconn.consume_input()
    return not connection.pgconn.is_busy()


def _increment(engine: Engine) -> bool:
    try:
        with writing(engine) as connection:
            connection.execute(_COUNT)
    except LedgerUnavailableError:
        return False
    return True

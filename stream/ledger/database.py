"""Opens the ledger's database, and translates its errors.

The URL selects SQLite (WAL, one writer at a time) or Postgres (psycopg).
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError

from schemas.errors import LedgerError, LedgerUnavailableError, MissingPackageError

#: Seconds that a writer waits for another writer's transaction, and that a client waits for a server to respond.
BUSY_S = 5.0
#: Seconds between two attempts to enable the write-ahead log of a new file.
WAL_RETRY_S = 0.01
#: Postgres: application name of a ledger's sessions.
_PROGRAM = "fraud-stream ledger"
#: Postgres: error code for a lock that was not granted within lock_timeout.
_LOCK_NOT_AVAILABLE = "55P03"
_TERMINATE_FROZEN = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND datname = current_database() AND application_name = :program AND wait_event = 'ClientRead'"
    " AND xact_start < clock_timestamp() - make_interval(secs => :frozen_s)"
)


def open_engine(url: str) -> Engine:
    """Return an engine for the database; it connects on first use.

    Args:
        url: SQLAlchemy URL: sqlite:///file or postgresql+psycopg://user@host/name.

    Raises:
        LedgerError: If the URL does not name a database that a ledger can use.
        MissingPackageError: If the driver for Postgres is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise LedgerError("FRAUD_LEDGER_URL is not a database URL; see .env.example") from None
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, shown)
    if parsed.drivername != "postgresql+psycopg":
        raise LedgerError(f"FRAUD_LEDGER_URL={shown}: use sqlite:/// or postgresql+psycopg://")
    # Give up on a server that vanished silently as quickly as on a server that refuses connections. Make Postgres end
    # the transaction of a frozen ledger; otherwise, the next owner of the ledger's partitions would wait for its locks.
    busy_ms = round(BUSY_S * 1000)
    limits = {
        "application_name": _PROGRAM,
        "connect_timeout": round(BUSY_S),
        "tcp_user_timeout": busy_ms,
        "options": f"-c lock_timeout={busy_ms} -c idle_in_transaction_session_timeout={2 * busy_ms}",
    }
    try:
        return create_engine(parsed, connect_args=limits, pool_pre_ping=True)
    except (ImportError, NoSuchModuleError):
        raise MissingPackageError("the ledger", "psycopg", "ledger") from None


@contextlib.contextmanager
def opened_engine(url: str) -> Iterator[Engine]:
    """Open an engine as `open_engine` does, and close its connections at the end."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _open_sqlite(parsed: URL, shown: str) -> Engine:
    if not parsed.database or parsed.database == ":memory:":
        raise LedgerError(f"FRAUD_LEDGER_URL={shown}: name a file, as in sqlite:///var/ledger.db")
    try:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot create {shown} ({error.strerror}); fix its folder's permissions or set FRAUD_LEDGER_URL"
        raise LedgerError(message) from error
    engine = create_engine(parsed, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions, DDL included, begin in `begin` below
        _enable_wal(connection)
        # A power failure may lose the newest commits, but never part of a commit: offsets are lost together with their
        # rows, so the messages are read again.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA cache_size=-65536")  # KiB: holds the upper levels of every index

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A write transaction must not begin with a read, because it would fail immediately if another writer has
        # committed since its snapshot.
        writes = connection.get_execution_options().get("ledger_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _enable_wal(connection: sqlite3.Connection) -> None:
    """Enable the write-ahead log, with retries: one of two processes that open a new file at once fails at first."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(WAL_RETRY_S)
        else:
            return


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run a write transaction, which is committed at the end and rolled back on an error.

    Raises:
        LedgerUnavailableError: If the database is not responding, or another writer keeps it locked for too long.
        LedgerError: If the database rejects a statement.
    """
    with _translated_errors(engine), _terminating_frozen(engine), engine.connect() as connection:
        connection = connection.execution_options(ledger_writes=True)  # noqa: PLW2901 - the same connection, configured
        with connection.begin():
            yield connection


@contextlib.contextmanager
def _terminating_frozen(engine: Engine) -> Iterator[None]:
    # A ledger that froze in the middle of sending statements leaves a session that counts as "active" and waits for the
    # remaining statements: idle_in_transaction_session_timeout never applies, and the session would keep its locks for
    # ever.
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            with engine.begin() as connection:
                connection.execute(_TERMINATE_FROZEN, {"program": _PROGRAM, "frozen_s": 2 * BUSY_S})
        raise


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run queries that all see the same snapshot of the database, taken by the first query.

    Raises:
        LedgerUnavailableError: If the database is not responding.
        LedgerError: If the database rejects a query.
    """
    with _translated_errors(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # SQLite transactions always read one snapshot
            connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901 - as above
        with connection.begin():
            yield connection


@contextlib.contextmanager
def _translated_errors(engine: Engine) -> Iterator[None]:
    """Raise LedgerUnavailableError for database errors that waiting may fix, and LedgerError for all others."""
    try:
        yield
    except DBAPIError as error:
        shown = engine.url.render_as_string(hide_password=True)
        detail = str(error.orig).strip().partition("\n")[0]
        if error.connection_invalidated or _is_transient(error):
            message = f"no ledger database at {shown} ({detail}); start it or set FRAUD_LEDGER_URL"
            raise LedgerUnavailableError(message) from error
        raise LedgerError(
            f"the ledger database at {shown} rejected a statement ({detail}); "
            "check that this is a ledger database and that the user has all privileges on it"
        ) from error


def _is_transient(error: DBAPIError) -> bool:
    # SQLite reports nearly every error as "operational", but gives invalid statements a code of their own.
    invalid = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return isinstance(error, OperationalError | InterfaceError) and not invalid

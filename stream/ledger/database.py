"""The ledger's database: opening it, bringing it up to date, and telling its errors apart.

SQLite (WAL, one writer at a time) or Postgres (psycopg), by URL.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError

from schemas.errors import LedgerAwayError, LedgerError

#: Seconds that a writer waits for another one's transaction; and for a server to answer.
BUSY_S = 5.0
#: Seconds between two tries to begin a new file.
BEGIN_AGAIN_S = 0.01
#: Postgres: what a ledger's sessions call themselves.
_PROGRAM = "fraud-stream ledger"
#: Postgres: its code for a lock that was not had within lock_timeout.
_LOCK_NOT_AVAILABLE = "55P03"
#: Postgres: any number, the same in every ledger.
_MIGRATION_LOCK = 7_265_431
_END_FROZEN = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND datname = current_database() AND application_name = :program AND wait_event = 'ClientRead'"
    " AND xact_start < clock_timestamp() - make_interval(secs => :frozen_s)"
)


def open_engine(url: str) -> Engine:
    """Open the database; nothing is asked of it yet.

    Args:
        url: As SQLAlchemy names it: sqlite:///file, postgresql+psycopg://user@host/name.

    Raises:
        LedgerError: If the URL names no database that a ledger can use.
    """
    try:
        place = make_url(url)
    except ArgumentError:
        raise LedgerError("FRAUD_LEDGER_URL is no database URL; see .env.example") from None
    shown = place.render_as_string(hide_password=True)
    if place.get_backend_name() == "sqlite":
        return _open_sqlite(place, shown)
    if place.drivername != "postgresql+psycopg":
        raise LedgerError(f"FRAUD_LEDGER_URL={shown}: the ledger knows sqlite:/// and postgresql+psycopg://")
    # A server that vanished without a word is given up as soon as one that refuses. A ledger that is frozen in
    # mid-transaction loses it, or whoever is given its partitions would wait for its locks.
    busy_ms = round(BUSY_S * 1000)
    limits = {
        "application_name": _PROGRAM,
        "connect_timeout": round(BUSY_S),
        "tcp_user_timeout": busy_ms,
        "options": f"-c lock_timeout={busy_ms} -c idle_in_transaction_session_timeout={2 * busy_ms}",
    }
    try:
        return create_engine(place, connect_args=limits, pool_pre_ping=True)
    except (ImportError, NoSuchModuleError):
        raise LedgerError("psycopg is not installed; the ledger needs: pip install 'fraud-stream[ledger]'") from None


def _open_sqlite(place: URL, shown: str) -> Engine:
    if not place.database or place.database == ":memory:":
        raise LedgerError(f"FRAUD_LEDGER_URL={shown}: name a file, as in sqlite:///var/ledger.db")
    try:
        Path(place.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"{shown} cannot be made ({error.strerror}); set FRAUD_LEDGER_URL") from error
    engine = create_engine(place, connect_args={"timeout": BUSY_S})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, DDL included
        _write_ahead(connection)
        # Power that fails may take the newest commits with it, whole ones: their offsets too, so they are read again.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA cache_size=-65536")  # KiB: the upper levels of every index

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that begins as a reader can find itself behind another writer and fail at once.
        writes = connection.get_execution_options().get("ledger_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have a file keep a write-ahead log. Of two that begin at a new file at once SQLite fails one without waiting."""
    patience = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(BEGIN_AGAIN_S)
        else:
            return


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Run a transaction that writes: all of it or nothing.

    Raises:
        LedgerAwayError: If the database does not answer, or another holds it for too long.
    """
    with asking(engine), _ending_frozen(engine), engine.connect() as connection:
        connection = connection.execution_options(ledger_writes=True)  # noqa: PLW2901 - the same, set up
        with connection.begin():
            yield connection


@contextlib.contextmanager
def _ending_frozen(engine: Engine) -> Iterator[None]:
    # A ledger that froze while it sent many statements at once left a session that is "active", waiting for the rest:
    # the server's own limit for idle transactions never begins to count, and its locks would stay for ever.
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            with engine.begin() as connection:
                connection.execute(_END_FROZEN, {"program": _PROGRAM, "frozen_s": 2 * BUSY_S})
        raise


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run questions that all see the database as it is at the first.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    with asking(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # SQLite knows nothing less
            connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901 - likewise
        with connection.begin():
            yield connection


@contextlib.contextmanager
def asking(engine: Engine) -> Iterator[None]:
    """Turn the database's errors into ours.

    Raises:
        LedgerAwayError: Whatever waiting may mend.
        LedgerError: What it may not.
    """
    try:
        yield
    except DBAPIError as error:
        shown = engine.url.render_as_string(hide_password=True)
        words = str(error.orig).strip().partition("\n")[0]
        if error.connection_invalidated or _may_pass(error):
            text = f"no ledger database at {shown} ({words}); mend it or set FRAUD_LEDGER_URL"
            raise LedgerAwayError(text) from error
        raise LedgerError(
            f"the ledger database at {shown} refuses ({words}); look whether it is a ledger's, and at its user's rights"
        ) from error


def _may_pass(error: DBAPIError) -> bool:
    # SQLite says "operational" of nearly everything, but gives statements that are wrong a code of their own.
    wrong = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return isinstance(error, OperationalError | InterfaceError) and not wrong


def migrate(engine: Engine) -> None:
    """Bring the database up to date. Several ledgers may try at once: one does it, the others wait.

    Raises:
        LedgerAwayError: If the database does not answer.
        LedgerError: If a newer program was here before, or the database is not a ledger's.
    """
    config = Config()
    config.set_main_option("script_location", "stream.ledger:migrations")
    config.set_main_option("path_separator", "os")
    with reading(engine) as connection:
        # Nothing to do is the rule; it needs no turn as a writer.
        if MigrationContext.configure(connection).get_current_revision() == _newest(config):
            return
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise LedgerError(f"the ledger's database is of a newer program ({error}); upgrade this one") from error


def _newest(config: Config) -> str | None:
    return ScriptDirectory.from_config(config).get_current_head()

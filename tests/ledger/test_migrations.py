"""Migrating a ledger's database, and the errors for databases that cannot be used."""

import contextlib
import sqlite3
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text

from schemas.errors import LedgerError, LedgerUnavailableError, MissingPackageError
from schemas.messages import encode
from stream.ledger import database
from stream.ledger.database import open_engine, opened_engine, reading, writing
from stream.ledger.migrate import migrate
from stream.ledger.tables import decisions, metadata
from stream.ledger.upsert import insert_rows
from stream.runtime.ports import free_port
from tests.support.ledger_batch import KINDS
from tests.support.records import decision

VIEWS = {"flips_by_day", "challengers_by_day"}


def schema_differences(engine: Engine) -> list[object]:
    """Return how the database differs from the tables that the code defines."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def views(engine: Engine) -> set[str]:
    """Return the names of the database's views."""
    with engine.connect() as connection:
        return set(inspect(connection).get_view_names())


def move_to(engine: Engine, revision: str, *, down: bool = False) -> None:
    """Upgrade or downgrade a database to a revision."""
    config = Config()
    config.set_main_option("script_location", "stream.ledger:migrations")
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)


def test_the_migrations_create_the_tables_that_the_code_defines(engine: Engine) -> None:
    """After all migrations, no column, index, table or view is missing or superfluous."""
    assert schema_differences(engine) == []
    assert views(engine) == set()


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005"])
def test_a_ledger_of_any_earlier_revision_migrates_and_keeps_its_rows(url: str, revision: str) -> None:
    """A ledger of any earlier revision migrates and keeps its rows; its earlier views are dropped."""
    with opened_engine(url) as engine:
        _migrate_from(engine, revision)


def _migrate_from(engine: Engine, revision: str) -> None:
    move_to(engine, revision)
    assert views(engine) == (VIEWS if revision in {"0002", "0003", "0004"} else set())
    with writing(engine) as connection:
        row = KINDS["decisions"].row(encode(decision(1)), 0, 0, 0)
        insert_rows(connection, decisions, KINDS["decisions"].order, [row])
    migrate(engine)
    assert schema_differences(engine) == []
    assert views(engine) == set()
    with reading(engine) as connection:
        assert connection.execute(select(decisions.c.transaction_id)).scalars().all() == ["t1"]


def test_dropping_the_views_can_be_undone(engine: Engine) -> None:
    """A downgrade creates the dropped views again, and they can be queried."""
    move_to(engine, "0004", down=True)
    assert views(engine) == VIEWS
    with reading(engine) as connection:
        for view in VIEWS:
            assert connection.execute(text(f"SELECT * FROM {view}")).all() == []  # noqa: S608 - names above
    migrate(engine)
    assert views(engine) == set()


def test_every_migration_can_be_undone(engine: Engine) -> None:
    """A downgrade to nothing drops every table, after which the ledger migrates again."""
    move_to(engine, "base", down=True)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    migrate(engine)
    assert schema_differences(engine) == []


def test_several_ledgers_may_start_at_once(url: str) -> None:
    """If several ledgers start at once, one migrates; the others wait and then have nothing to do."""
    engines = [open_engine(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate, engines))
    with engines[0].connect() as connection:
        assert len(connection.execute(text("SELECT * FROM alembic_version")).all()) == 1
    for each in engines:
        each.dispose()


def test_a_new_file_that_is_locked_is_opened_once_it_is_free(tmp_path: Path) -> None:
    """SQLite does not wait for the lock of a process that is creating the same file, so the ledger does."""
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        unlocking = threading.Timer(0.1, other.execute, ["COMMIT"])
        with contextlib.closing(sqlite3.connect(path, timeout=0)) as connection:
            unlocking.start()
            database._enable_wal(connection)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        unlocking.join()


def test_a_read_only_file_is_not_tried_again(tmp_path: Path) -> None:
    """An error that waiting does not cure is raised at once."""
    sqlite3.connect(tmp_path / "ledger.db").execute("CREATE TABLE t (x)").connection.close()
    with contextlib.closing(sqlite3.connect(f"file:{tmp_path}/ledger.db?mode=ro", uri=True)) as connection:
        began = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database._enable_wal(connection)
        assert time.monotonic() - began < database.BUSY_S


def test_a_missing_driver_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the driver for Postgres, the error says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingPackageError, match=r"needs psycopg.*\[ledger\]"):
        open_engine("postgresql+psycopg://u@h/d")


def _begin(path: Path, at: float) -> None:
    time.sleep(max(at - time.time(), 0))
    with opened_engine(f"sqlite:///{path}") as engine, reading(engine) as connection:
        connection.execute(text("SELECT 1"))


def test_several_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    """Several processes may open a new file at once; without a retry, one in four would fail on the locked file."""
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        list(processes.map(_begin, [tmp_path / "warm.db"] * 4, [0.0] * 4))
        for number in range(25):
            at = time.time() + 0.02
            list(processes.map(_begin, [tmp_path / f"{number}.db"] * 4, [at] * 4))


def test_a_database_of_the_next_release_is_used_as_it_is(engine: Engine) -> None:
    """A newer program has added a table and a column: this program writes its rows, and changes nothing else."""
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE decisions ADD COLUMN added_later TEXT"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    migrate(engine)
    with writing(engine) as connection:
        insert_rows(
            connection, decisions, KINDS["decisions"].order, [KINDS["decisions"].row(encode(decision(1)), 0, 0, 0)]
        )
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


@pytest.mark.parametrize(
    "statement",
    ["UPDATE schema_compatibility SET oldest_revision = '9999'", "DROP TABLE schema_compatibility"],
    ids=["dropped what this program needs", "of an unknown kind"],
)
def test_a_database_that_a_newer_program_has_changed_too_much_is_an_error(engine: Engine, statement: str) -> None:
    """This program neither uses nor changes the database, and the error says to upgrade this program."""
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text(statement))
    with pytest.raises(
        LedgerError, match=r"was migrated by a newer program \(to revision 9999\); upgrade this program"
    ):
        migrate(engine)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "FRAUD_LEDGER_URL is not a database URL"),
        ("sqlite://", "name a file, as in sqlite:///var/ledger.db"),
        ("mysql://u:secret@h/d", "use sqlite:/// or postgresql\\+psycopg://"),
        ("sqlite:////proc/nowhere/ledger.db", "cannot create"),
    ],
)
def test_an_unusable_url_is_one_error(url: str, message: str) -> None:
    """An unusable URL causes a one-line error that names the setting and contains no password."""
    with pytest.raises(LedgerError, match=message) as refused:
        open_engine(url)
    assert "secret" not in str(refused.value)
    assert "FRAUD_LEDGER_URL" in str(refused.value)


def test_an_unavailable_database_is_one_error(tmp_path: Path) -> None:
    """An unavailable database (a port without a server, or a directory instead of a file) causes a one-line error."""
    (tmp_path / "ledger.db").mkdir()
    for url in (f"postgresql+psycopg://u:secret@127.0.0.1:{free_port()}/d", f"sqlite:///{tmp_path}/ledger.db"):
        expected = r"no ledger database at .*; start it or set FRAUD_LEDGER_URL"
        with opened_engine(url) as engine, pytest.raises(LedgerUnavailableError, match=expected) as refused:
            migrate(engine)
        assert "secret" not in str(refused.value)
        assert "\n" not in str(refused.value)


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    """A failed migration leaves nothing behind, because half a migration would block the next one."""

    def fail() -> None:
        with writing(engine) as connection:
            connection.execute(text("CREATE TABLE half (x int)"))
            raise RuntimeError("in mid-transaction")

    with pytest.raises(RuntimeError):
        fail()
    with engine.connect() as connection:
        assert not inspect(connection).has_table("half")


def test_a_refusal_of_the_database_is_not_an_outage(url: str) -> None:
    """A migration over another program's table is an error rather than an outage, because waiting would not help."""
    other = open_engine(url)
    with writing(other) as connection:
        connection.execute(text("CREATE TABLE decisions (x int)"))
    with pytest.raises(LedgerError, match=r"rejected a statement .*; check that this is a ledger database") as refused:
        migrate(other)
    assert not isinstance(refused.value, LedgerUnavailableError)
    other.dispose()

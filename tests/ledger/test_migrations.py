"""Bringing a database up to date."""

import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from schemas.errors import LedgerAwayError, LedgerError
from stream.ledger.database import migrate, open_engine, reading, writing
from stream.ledger.tables import metadata
from stream.runtime.ports import free_port


def test_the_migrations_make_the_tables_that_the_code_knows(engine: Engine) -> None:
    """No column, index or table is missing or besides."""
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(inspect(connection).get_view_names()) == {"flips_by_day", "challengers_by_day"}


def test_several_ledgers_may_start_at_once(url: str) -> None:
    """One of them migrates, the others wait and find it done."""
    engines = [open_engine(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate, engines))
    with engines[0].connect() as connection:
        assert len(connection.execute(text("SELECT * FROM alembic_version")).all()) == 1
    for each in engines:
        each.dispose()


def _begin(path: Path, at: float) -> None:
    time.sleep(max(at - time.time(), 0))
    with reading(open_engine(f"sqlite:///{path}")) as connection:
        connection.execute(text("SELECT 1"))


def test_a_new_file_may_be_begun_by_several_at_once(tmp_path: Path) -> None:
    """Each in a process of its own. Without waiting, one in four finds it locked."""
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        list(processes.map(_begin, [tmp_path / "warm.db"] * 4, [0.0] * 4))
        for number in range(25):
            at = time.time() + 0.02
            list(processes.map(_begin, [tmp_path / f"{number}.db"] * 4, [at] * 4))


def test_a_database_of_a_newer_program_is_left_alone(engine: Engine) -> None:
    """One line says so and names the mend."""
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match=r"is of a newer program .*; upgrade this one"):
        migrate(engine)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("nonsense", "FRAUD_LEDGER_URL is no database URL"),
        ("sqlite://", "name a file, as in sqlite:///var/ledger.db"),
        ("mysql://u:secret@h/d", "the ledger knows sqlite:/// and postgresql\\+psycopg://"),
        ("sqlite:////proc/nowhere/ledger.db", "cannot be made"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_line(url: str, line: str) -> None:
    """With the setting to mend, and never a password."""
    with pytest.raises(LedgerError, match=line) as refused:
        open_engine(url)
    assert "secret" not in str(refused.value)
    assert "FRAUD_LEDGER_URL" in str(refused.value)


def test_a_database_that_is_away_is_one_line(tmp_path: Path) -> None:
    """Nobody listens at the port; a file where no file can be."""
    (tmp_path / "ledger.db").mkdir()
    for url in (f"postgresql+psycopg://u:secret@127.0.0.1:{free_port()}/d", f"sqlite:///{tmp_path}/ledger.db"):
        with pytest.raises(LedgerAwayError, match=r"no ledger database at .*; mend it or set FRAUD_LEDGER_URL") as away:
            migrate(open_engine(url))
        assert "secret" not in str(away.value)
        assert "\n" not in str(away.value)


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    """Tables included: what half a migration would leave could not be mended by the next one."""

    def fail() -> None:
        with writing(engine) as connection:
            connection.execute(text("CREATE TABLE half (x int)"))
            raise RuntimeError("in mid-transaction")

    with pytest.raises(RuntimeError):
        fail()
    with engine.connect() as connection:
        assert not inspect(connection).has_table("half")


def test_what_the_database_itself_refuses_is_no_outage(url: str) -> None:
    """Waiting would not mend it: migrating over a stranger's table ends with one line."""
    other = open_engine(url)
    with writing(other) as connection:
        connection.execute(text("CREATE TABLE decisions (x int)"))
    with pytest.raises(LedgerError, match=r"refuses .*; look whether it is a ledger's") as refused:
        migrate(other)
    assert not isinstance(refused.value, LedgerAwayError)
    other.dispose()

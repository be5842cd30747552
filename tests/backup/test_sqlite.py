"""A backup of a SQLite database is a snapshot, whatever writers do meanwhile."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schemas.errors import BackupError
from stream.backup.sqlite import SqlitePart

#: Number of copies taken while the writer writes.
COPIES = 20


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Path]:
    """A database with a write-ahead log, in which a thread adds a row to each of two tables in every transaction."""
    path = tmp_path / "ledger.db"
    stopping = threading.Event()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript("CREATE TABLE rows (number); CREATE TABLE offsets (number)")

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as database:
            number = 0
            while not stopping.is_set():
                database.execute("BEGIN IMMEDIATE")
                database.execute("INSERT INTO rows VALUES (?)", (number,))
                database.execute("INSERT INTO offsets VALUES (?)", (number,))
                database.execute("COMMIT")
                number += 1

    writer = threading.Thread(target=write)
    writer.start()
    yield path
    stopping.set()
    writer.join()


def test_a_copy_is_of_one_moment(written: Path, tmp_path: Path) -> None:
    """Rows and offsets in a copy belong together, and later copies have more of them."""
    part, sizes = SqlitePart("ledger", written), []
    for number in range(COPIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        part.save(folder)
        assert [each.name for each in folder.iterdir()] == ["database.sqlite"], "the copy needs no log"
        with closing(sqlite3.connect(folder / "database.sqlite")) as copy:
            rows, offsets = (copy.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("rows", "offsets"))  # noqa: S608 - our own names
        assert rows == offsets
        sizes.append(rows)
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0], "nothing was written meanwhile, so the test proves nothing"


@pytest.mark.parametrize("content", [b"not a database" * 100, None])
def test_a_damaged_database_is_not_saved(tmp_path: Path, content: bytes | None) -> None:
    """A damaged database is noticed when it is saved, while there is still an earlier backup."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE numbers (number, text)")
        database.executemany("INSERT INTO numbers VALUES (?, ?)", [(number, "x" * 500) for number in range(1000)])
        database.execute("CREATE INDEX by_number ON numbers (number)")
        database.commit()
    damaged = bytearray(path.read_bytes())
    damaged[8192:40960] = bytes(32768)
    path.write_bytes(content or damaged)
    (tmp_path / "saved").mkdir()
    with pytest.raises(BackupError, match=r"ledger: .*(damaged|not a database)"):
        SqlitePart("ledger", path).save(tmp_path / "saved")


def test_a_dump_of_postgres_is_not_restored_to_sqlite(tmp_path: Path) -> None:
    """A ledger does not change its kind of database by a restore."""
    (tmp_path / "database.pgdump").write_bytes(b"PGDMP")
    with pytest.raises(BackupError, match="was made from Postgres, not SQLite"):
        SqlitePart("ledger", tmp_path / "new.db").restore(tmp_path)
    assert not (tmp_path / "new.db").exists()

"""How Postgres's programs are called; `tests/ledger/test_backup.py` runs the real ones."""

from pathlib import Path

import pytest

from schemas.errors import BackupError
from stream.backup.postgres import PostgresPart


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of programs, the only one in which they are looked up."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def _install(directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


def test_no_list_of_processes_shows_the_password(programs: Path, tmp_path: Path) -> None:
    """The password in a URL reaches pg_dump in its environment."""
    _install(programs, "pg_dump", f'echo "$PGPASSWORD $@" > {tmp_path}/call')
    PostgresPart("ledger", "postgresql+psycopg://ann:s%40fe@db:5433/ledger").save(tmp_path)
    password, _, arguments = (tmp_path / "call").read_text().strip().partition(" ")
    assert password == "s@fe"  # noqa: S105 - made up
    assert arguments.endswith("postgresql://ann@db:5433/ledger")
    assert "s%40fe" not in arguments


def test_a_missing_program_is_named(programs: Path, tmp_path: Path) -> None:
    """The error says what to install."""
    assert not list(programs.iterdir())
    with pytest.raises(BackupError, match="ledger: pg_dump is not installed; install Postgres's client programs"):
        PostgresPart("ledger", "postgresql://db/ledger").save(tmp_path)


def test_the_programs_first_line_is_the_error(programs: Path, tmp_path: Path) -> None:
    """The error is one line, with the reason that the program gives."""
    _install(programs, "pg_dump", "echo 'pg_dump: error: no such host\nHINT: none' >&2; exit 1")
    with pytest.raises(BackupError, match=r"^ledger: pg_dump: error: no such host; check the database") as raised:
        PostgresPart("ledger", "postgresql://db/ledger").save(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_copy_of_sqlite_is_not_restored_to_postgres(tmp_path: Path) -> None:
    """A ledger does not change its kind of database by a restore."""
    (tmp_path / "database.sqlite").write_bytes(b"SQLite format 3\0")
    with pytest.raises(BackupError, match="was made from SQLite, not Postgres"):
        PostgresPart("ledger", "postgresql://db/ledger").restore(tmp_path)

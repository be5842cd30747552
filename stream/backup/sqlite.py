"""A SQLite database as a part of a backup."""

import contextlib
import sqlite3
from pathlib import Path

from schemas.errors import BackupError

_NAME = "database.sqlite"


class SqlitePart:
    """A SQLite database, copied by SQLite's online backup: a snapshot, taken while programs read and write.

    Args:
        name: Name of the part.
        path: The database file.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path

    def save(self, folder: Path) -> None:
        """Copy the database as of one moment, with what is still in its write-ahead log."""
        if not self._path.is_file():
            raise BackupError(f"{self.name}: there is no database {self._path}; correct its URL, or leave the part out")
        try:
            with (
                contextlib.closing(sqlite3.connect(self._path)) as source,
                contextlib.closing(sqlite3.connect(folder / _NAME)) as target,
            ):
                # All pages in one step: a read transaction, which does not hold up a writer with a write-ahead log.
                source.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")  # one file, complete without a log
                (fault,) = target.execute("PRAGMA quick_check(1)").fetchone()
                if fault != "ok":
                    raise BackupError(f"{self.name}: {self._path} is damaged ({fault}); restore an earlier backup")
        except sqlite3.Error as error:
            raise BackupError(f"{self.name}: cannot copy {self._path} ({error}); check the file") from error

    def require_empty(self) -> None:
        """Check that neither the database nor its write-ahead log exists."""
        for path in (self._path, self._path.with_name(self._path.name + "-wal")):
            if path.exists():
                raise BackupError(f"{self.name}: {path} exists, and nothing is overwritten; move it away")

    def restore(self, folder: Path) -> None:
        """Copy the database back. It appears complete or not at all."""
        saved = folder / _NAME
        if not saved.is_file():
            raise BackupError(f"{self.name}: the backup was made from Postgres, not SQLite; correct the database's URL")
        draft = self._path.with_name(self._path.name + ".restoring")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.unlink(missing_ok=True)
            with (
                contextlib.closing(sqlite3.connect(saved)) as source,
                contextlib.closing(sqlite3.connect(draft)) as target,
            ):
                source.backup(target)
            draft.replace(self._path)
        except (sqlite3.Error, OSError) as error:
            raise BackupError(f"{self.name}: cannot restore {self._path} ({error}); check its folder") from error

"""A Postgres database as a part of a backup, through pg_dump, pg_restore and psql."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from schemas.errors import BackupError

_NAME = "database.pgdump"
_COUNT_TABLES = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"


class PostgresPart:
    """A Postgres database. Its programs are those of the server's version or a newer one.

    Args:
        name: Name of the part.
        url: URL of the database: postgresql://user@host/name, with or without the name of a Python driver. A password
            in it is handed to the programs in PGPASSWORD, so that no list of processes shows it.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        parts = urlsplit(url)
        login, _, host = parts.netloc.rpartition("@")
        user, _, password = login.partition(":")
        netloc = f"{user}@{host}" if user else host
        self._url = urlunsplit(parts._replace(scheme="postgresql", netloc=netloc))
        self._environment = os.environ | ({"PGPASSWORD": unquote(password)} if password else {})

    def save(self, folder: Path) -> None:
        """Dump the database as of one moment."""
        self._run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={folder / _NAME}", self._url)

    def require_empty(self) -> None:
        """Check that the database exists and has no tables."""
        tables = int(self._run("psql", "--no-psqlrc", "--tuples-only", "--no-align", "-c", _COUNT_TABLES, self._url))
        if tables:
            raise BackupError(
                f"{self.name}: {self._url} already has {tables} tables, and nothing is overwritten; "
                "create an empty database, and name it in the URL"
            )

    def restore(self, folder: Path) -> None:
        """Restore the dump in one transaction, completely or not at all."""
        saved = folder / _NAME
        if not saved.is_file():
            raise BackupError(f"{self.name}: the backup was made from SQLite, not Postgres; correct the database's URL")
        options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        self._run("pg_restore", *options, f"--dbname={self._url}", str(saved))

    def _run(self, program: str, *arguments: str) -> str:
        path = shutil.which(program)
        if path is None:
            raise BackupError(
                f"{self.name}: {program} is not installed; install Postgres's client programs, or run it where the "
                "server runs and leave the part out"
            )
        # --no-password: an error instead of a prompt.
        command = [path, "--no-password", *arguments]
        done = subprocess.run(  # noqa: S603 - Postgres's own programs
            command, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = next((line for line in done.stderr.splitlines() if line.strip()), f"exit code {done.returncode}")
            raise BackupError(f"{self.name}: {reason.strip()}; check the database and its URL {self._url}")
        return done.stdout

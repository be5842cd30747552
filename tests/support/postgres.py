"""A temporary Postgres for the test session, run from the machine's binaries on a loopback port."""

import contextlib
import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stream.runtime.ports import free_port

#: Where Debian installs Postgres programs that are not on the PATH.
_DEBIAN = "/usr/lib/postgresql/*/bin"
#: Users to try in turn as the owner of Postgres, which does not run as root: first the user of Debian's package.
_USERS = ("postgres", "nobody")


def binaries() -> Path | None:
    """Return the directory of initdb and pg_ctl; None if Postgres is not installed."""
    initdb = shutil.which("initdb")
    if initdb:
        return Path(initdb).resolve().parent
    return max((Path(each) for each in glob.glob(_DEBIAN)), default=None)  # noqa: PTH207 - an absolute pattern


class Postgres:
    """A Postgres cluster on a free loopback port.

    Args:
        directory: Directory for the cluster's data, writable by the user that Postgres runs as.
        programs: Directory of initdb and pg_ctl.
    """

    def __init__(self, directory: Path, programs: Path) -> None:
        self._data = directory / "data"
        self._programs = programs
        self._port = free_port()
        self._user = next((u for u in _USERS if os.geteuid() == 0 and shutil.which("runuser") and _exists(u)), None)
        if self._user:
            shutil.chown(directory, self._user)
        # -N and fsync=off: the data need not survive a crash.
        self._run("initdb", "-D", self._data, "-U", "ledger", "-A", "trust", "-N", "--locale=C.UTF-8", "-E", "UTF8")
        with (self._data / "postgresql.auto.conf").open("a") as config:
            config.write(f"port = {self._port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n")
            config.write("fsync = off\n")

    def start(self) -> None:
        """Start the cluster and return when it responds."""
        self._run("pg_ctl", "-D", self._data, "-l", self._data / "log", "-w", "start")

    def stop(self) -> None:
        """Stop the cluster abruptly, as a machine failure would."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def create_database(self, name: str) -> str:
        """Create a database and return its URL."""
        address = f"postgresql://ledger@127.0.0.1:{self._port}"
        self._run("psql", "-q", f"{address}/postgres", "-c", f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://ledger@127.0.0.1:{self._port}/{name}"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        if self._user:
            command = ["runuser", "-u", self._user, "--", *command]
        # The output goes to a file, not a pipe: the server would inherit the pipe and keep it open.
        with tempfile.TemporaryFile() as output:
            result = subprocess.run(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, check=False, cwd="/"
            )
            output.seek(0)
            assert result.returncode == 0, f"{program}: {output.read().decode(errors='replace')}"


def _exists(user: str) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(user))
    return False


@contextlib.contextmanager
def postgres(programs: Path) -> Iterator[Postgres]:
    """Run a cluster and remove it with its data afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="fraud-postgres-"))
    try:
        cluster = Postgres(directory, programs)
        cluster.start()
        try:
            yield cluster
        finally:
            with contextlib.suppress(AssertionError):  # a test has stopped it already
                cluster.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)

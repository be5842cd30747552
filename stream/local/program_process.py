"""Run a program in a child process: start it with given settings, wait until it is ready, and stop it."""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from schemas.errors import FraudError
from stream.local.owned_process import OwnedProcess
from stream.settings import PREFIX, Settings

#: Seconds that a program has to become ready, and to exit after SIGTERM.
READY_S = 60.0
STOP_S = 10.0
#: Seconds between readiness checks, and seconds to wait for the response to each check.
CHECK_INTERVAL_S = 0.05
CHECK_TIMEOUT_S = 2.0
#: Number of lines of a program's log that an error quotes.
LAST_LINES = 40
#: Parent directory of the `stream` package, so that a child imports the same code.
_ROOT = Path(__file__).parents[2]


class ProgramProcess:
    """A program that exits no later than its owner.

    `start` may follow `stop` or `kill`, and uses the same command and environment, as a supervisor would. As a
    context manager, the program starts on entry and stops on exit.

    Args:
        command: Program to run, and its arguments.
        log: File to which the program's output is appended. The file's stem is the program's name in errors.
        environment: Environment of the program; by default the owner's environment.
        ready_url: URL that returns a 2xx status once the program is ready; empty if there is no such URL.
        stop_s: Seconds between SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        ready_url: str = "",
        stop_s: float = STOP_S,
    ) -> None:
        self.log = log
        self._command = command
        self._environment = environment
        self._ready_url = ready_url
        self._stop_s = stop_s
        self._process: OwnedProcess | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process id of the program."""
        return self._running.pid

    @property
    def returncode(self) -> int | None:
        """Exit code of the program (128 + n if signal n ended it), or None while it is running."""
        return self._running.returncode

    def start(self) -> None:
        """Start the program without waiting for it.

        Raises:
            OSError: If the command cannot be started.
        """
        self._process = OwnedProcess(self._command, self.log, self._environment)

    def stop(self, grace_s: float | None = None) -> int:
        """Stop the program and return its exit code.

        Args:
            grace_s: Seconds between SIGTERM and SIGKILL; by default `stop_s`.
        """
        return self._running.stop(self._stop_s if grace_s is None else grace_s)

    def kill(self) -> int:
        """Kill the program (SIGKILL) and return its exit code."""
        return self._running.kill()

    def is_ready(self) -> bool:
        """Return whether the program reports that it is ready."""
        try:
            with urllib.request.urlopen(self._ready_url, timeout=CHECK_TIMEOUT_S):  # noqa: S310 - our own program's URL
                return True
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:  # connection refused or no response
            return False

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        """Wait until the program is ready.

        Raises:
            FraudError: If the program exits, or is not ready within `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            self.require_running()
            if time.monotonic() >= deadline:
                raise FraudError(f"{self.log.stem} was not ready within {timeout_s:g} s; see {self.log}")
            time.sleep(CHECK_INTERVAL_S)

    def require_running(self) -> None:
        """Raise FraudError with the last lines of the log if the program has exited."""
        if self.returncode is not None:
            raise FraudError(
                f"{self.log.stem} exited with code {self.returncode}; see {self.log}:\n{self.last_lines()}"
            )

    def last_lines(self, count: int = LAST_LINES) -> str:
        """Return the last `count` lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    @property
    def _running(self) -> OwnedProcess:
        if self._process is None:
            raise RuntimeError(f"{self.log.stem} was not started")
        return self._process


def program_environment(settings: Settings) -> dict[str, str]:
    """Return an environment with exactly these settings, whatever FRAUD_ variables this process has."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    path = os.pathsep.join(filter(None, [str(_ROOT), inherited.get("PYTHONPATH")]))
    return inherited | settings.environment() | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def program_command(*arguments: str) -> list[str]:
    """Return the command line that runs `fraud-stream` with these arguments in this Python."""
    return [sys.executable, "-m", "stream.cli", *arguments]


def program_address(name: str, settings: Settings) -> str:
    """Return the host:port at which a program serves /metrics, /healthz and /readyz.

    Args:
        name: Command of `fraud-stream` that runs the program: worker, ledger, archive or http.
        settings: Settings of the program.
    """
    addresses = {
        "worker": (settings.web.host, settings.web.port),
        "ledger": (settings.web.host, settings.ledger.web_port),
        "archive": (settings.web.host, settings.archive.web_port),
        "http": (settings.http.host, settings.http.port),
    }
    host, port = addresses[name]
    return f"{host}:{port}"


def stream_program(name: str, settings: Settings, log: Path, *, stop_s: float = STOP_S) -> ProgramProcess:
    """Return a program of `fraud-stream` that is not started yet.

    Args:
        name: Command of `fraud-stream` that runs the program: worker, ledger, archive or http.
        settings: Settings of the program.
        log: File to which the program's output is appended.
        stop_s: Seconds between SIGTERM and SIGKILL.
    """
    url = f"http://{program_address(name, settings)}/readyz"
    return ProgramProcess(program_command(name), log, program_environment(settings), ready_url=url, stop_s=stop_s)

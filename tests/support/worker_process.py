"""A worker as users run it: `fraud-stream worker` in a process of its own, which a test may kill or freeze."""

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Self

import msgspec

from stream.local.owned_process import OwnedProcess
from stream.settings import PREFIX, Settings

_REPOSITORY = Path(__file__).parents[2]
#: Lines of a worker's output that a failed test shows.
_SHOWN_LINES = 40


class WorkerProcess:
    """A worker that ends with the test at the latest.

    `start` may follow `kill` or `stop`: the same slot, port and settings, as a supervisor would restart it.

    Args:
        settings: Everything the worker is told, by environment variables alone.
        directory: Receives the worker's output, `worker-<slot>.log`.
    """

    #: Of `fraud-stream`.
    command = "worker"

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings = settings
        self._output = directory / f"{self.command}-{settings.kafka.slot}.log"
        self._process: OwnedProcess | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            print(self.last_words())  # noqa: T201 - pytest shows it where the test failed

    @property
    def web_port(self) -> int:
        """Where its pages are."""
        return self.settings.web.port

    @property
    def returncode(self) -> int | None:
        """Exit code, 128 + n if signal n ended it; None while it runs."""
        return self._running.returncode

    def start(self) -> None:
        """Start the worker; `wait_ready` tells when it is."""
        command = [sys.executable, "-m", "stream.cli", self.command]
        self._process = OwnedProcess(command, self._output, worker_environment(self.settings))

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Wait until /readyz says yes; show the worker's last words if it ends or takes longer than `timeout` s."""
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            assert self.returncode is None, f"the worker ended with code {self.returncode}:\n{self.last_words()}"
            assert time.monotonic() < deadline, f"not ready within {timeout:.0f} s:\n{self.last_words()}"
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Whether /readyz says yes."""
        url = f"http://{self.settings.web.host}:{self.web_port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:
                return bool(reply.status == HTTPStatus.OK)
        except OSError:  # refused, frozen, or a reply that says no
            return False

    def stop(self, grace: float = 10.0) -> int:
        """Ask the worker to end (SIGTERM; after `grace` seconds SIGKILL) and return its exit code."""
        return self._running.stop(grace)

    def kill(self) -> None:
        """End the worker at once (SIGKILL)."""
        self._running.kill()

    def freeze(self) -> None:
        """Stop the worker's clock (SIGSTOP)."""
        os.kill(self._running.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen worker go on (SIGCONT)."""
        os.kill(self._running.pid, signal.SIGCONT)

    def last_words(self) -> str:
        """The end of what the worker printed."""
        lines = self._output.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_SHOWN_LINES:])

    def metrics(self) -> Counter[str]:
        """Return its metrics by name and labels; 0 for what was never counted."""
        with urllib.request.urlopen(f"http://{self.settings.web.host}:{self.web_port}/metrics", timeout=5) as reply:
            lines = reply.read().decode().splitlines()
        counted = (line.rpartition(" ") for line in lines if line[0] != "#")
        return Counter({name: float(value) for name, _, value in counted})

    def lag(self) -> float:
        """Return how many messages of all kinds it says are left to read."""
        return sum(value for name, value in self.metrics().items() if name.startswith("consumer_lag_messages"))

    def problems(self) -> list[str]:
        """Return why it is not ready."""
        url = f"http://{self.settings.web.host}:{self.web_port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                body = reply.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        found: list[str] = msgspec.json.decode(body)["problems"]
        return found

    @property
    def _running(self) -> OwnedProcess:
        assert self._process is not None, "the worker was not started"
        return self._process


def worker_environment(settings: Settings) -> dict[str, str]:
    """Return an environment that says exactly these settings, whatever the test's own environment says."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    path = os.pathsep.join(filter(None, [str(_REPOSITORY), own.get("PYTHONPATH")]))
    return own | settings.environment() | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

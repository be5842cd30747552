"""A worker as users run it: `fraud-stream worker` in a process of its own, which a test may kill or freeze."""

import os
import signal
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import msgspec

from stream.local.program_process import ProgramProcess, program_address, program_command, program_environment
from stream.settings import Settings
from tests.support.worker_state import scrape


class WorkerProcess(ProgramProcess):
    """A worker process that ends no later than the test.

    `start` may follow `kill` or `stop`, with the same slot, port and settings, as when a supervisor restarts a worker.

    Args:
        settings: Settings of the worker, passed only as environment variables.
        directory: Directory that receives the worker's output, `worker-<slot>.log`.
    """

    #: Command of `fraud-stream` that runs the program.
    command = "worker"

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings = settings
        self._address = program_address(self.command, settings)
        super().__init__(
            program_command(self.command),
            directory / f"{self.command}-{settings.kafka.slot}.log",
            program_environment(settings),
            ready_url=f"http://{self._address}/readyz",
        )

    def __exit__(self, *_: object) -> None:
        # A killed process writes no coverage data.
        if "COVERAGE_PROCESS_CONFIG" in os.environ and self.returncode is None:
            self.stop()
        self.kill()
        print(self.last_lines())  # noqa: T201 - pytest shows it where the test failed

    @property
    def web_port(self) -> int:
        """Port on which the worker serves /metrics, /healthz and /readyz."""
        return int(self._address.rpartition(":")[2])

    def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait until the program is ready, for at most `timeout_s` seconds."""
        super().wait_ready(timeout_s)

    def freeze(self) -> None:
        """Suspend the process (SIGSTOP)."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume a frozen process (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def metrics(self) -> Counter[str]:
        """Return the worker's metrics by name and labels; 0 for a series that does not exist."""
        return scrape(self._address)

    def lag(self) -> float:
        """Return the number of messages left to read on all topics."""
        return sum(value for name, value in self.metrics().items() if name.startswith("consumer_lag_messages"))

    def problems(self) -> list[str]:
        """Return the reasons why the worker is not ready."""
        try:
            with urllib.request.urlopen(f"http://{self._address}/readyz", timeout=5) as response:
                body = response.read()
        except urllib.error.HTTPError as error:
            with error:
                body = error.read()
        problems: list[str] = msgspec.json.decode(body)["problems"]
        return problems

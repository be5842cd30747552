"""`fraud-stream` as a process of its own."""

import subprocess
import sys

from stream.settings import Settings
from tests.support.worker_process import worker_environment


def run(*arguments: str, settings: Settings | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `fraud-stream` as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "stream.cli", *arguments],
        env=worker_environment(settings or Settings()),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )

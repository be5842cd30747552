"""`fraud-stream` in a process of its own."""

import subprocess

from stream.local.program_process import program_command, program_environment
from stream.settings import Settings


def run(*arguments: str, settings: Settings | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run `fraud-stream` as a user does and return its exit code and output."""
    return subprocess.run(
        program_command(*arguments),
        env=program_environment(settings or Settings()),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )

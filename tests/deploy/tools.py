"""Programs of Debian's packages that the tests of monitoring run. One that is missing fails them: it hides faults."""

import subprocess
from pathlib import Path

import pytest

from deploy.observe.installed import find, missing


def tool(name: str) -> str:
    """Return a program's path; fail with how to install it where it is not."""
    found = find(name)
    if found is None:
        pytest.fail(f"{missing(name)}, as .ci/run does on Debian", pytrace=False)
    return found


def run_tool(name: str, *arguments: str | Path) -> None:
    """Run a program; fail with what it printed unless it ends with 0."""
    done = subprocess.run([tool(name), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

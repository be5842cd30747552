"""Find and run third-party programs that tests need."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.observe.installed import find, not_installed

#: Environment variable in which `.ci/run` lists the programs that it could not install: their tests are skipped.
UNAVAILABLE_TOOLS = "UNAVAILABLE_TOOLS"


def tool(name: str) -> str:
    """Return the path of a program; if there is none, fail the test, or skip it if `UNAVAILABLE_TOOLS` has the name."""
    path = find(name)
    if path is not None:
        return path
    if name in os.environ.get(UNAVAILABLE_TOOLS, "").split():
        pytest.skip(not_installed(name))
    pytest.fail(not_installed(name))


def run_tool(name: str, *arguments: str | Path) -> None:
    """Run a program; unless it exits with code 0, fail the test with the program's output."""
    result = subprocess.run([tool(name), *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr

"""Programs of other people's packages that tests need."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.observe.installed import find, missing

#: Names programs that could not be installed on this machine, by `.ci/run`: only their tests may be skipped.
LACKING = "TESTS_LACK"


def tool(name: str) -> str:
    """Return a program's path; without it the test fails, or is skipped where it is known to be lacking."""
    path = find(name)
    if path is not None:
        return path
    if name in os.environ.get(LACKING, "").split():
        pytest.skip(missing(name))
    pytest.fail(missing(name))


def run_tool(name: str, *arguments: str | Path) -> None:
    """Run a program; fail with what it printed unless it ends with 0."""
    done = subprocess.run([tool(name), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

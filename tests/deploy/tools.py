"""Programs of Debian's packages that the tests of monitoring run. One that is missing fails them: it hides faults."""

import shutil
import subprocess
from pathlib import Path

import pytest

#: By program, what installs it.
PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
}


def tool(name: str) -> str:
    """Return a program's path; fail with how to install it where it is not."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"no {name} here: `apt-get install {PACKAGES[name]}`, as .ci/run does on Debian", pytrace=False)
    return found


def run_tool(name: str, *arguments: str | Path) -> None:
    """Run a program; fail with what it printed unless it ends with 0."""
    done = subprocess.run([tool(name), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

"""A child process exits on its owner's request and reports its exit code."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from stream.local.owned_process import OwnedProcess

_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", flush=True)
time.sleep(600)
"""


def test_reports_exit_code_and_output(tmp_path: Path) -> None:
    """The owner gets the command's exit code and output, and the command runs in the given environment."""
    code = "import os, sys; print(os.environ['WORD']); sys.exit(7)"
    process = OwnedProcess([sys.executable, "-c", code], tmp_path / "out", {"WORD": "hello"})
    while process.returncode is None:
        time.sleep(0.01)
    assert process.returncode == 7
    assert "hello" in (tmp_path / "out").read_text()
    assert process.stop(1) == process.kill() == 7


def test_kills_a_command_that_ignores_sigterm(tmp_path: Path) -> None:
    """A command that ignores SIGTERM is killed after its grace period."""
    process = OwnedProcess([sys.executable, "-c", _STUBBORN], tmp_path / "out")
    while "started" not in (tmp_path / "out").read_text():
        time.sleep(0.01)
    assert process.stop(0.2) == 128 + 9
    assert not psutil.pid_exists(process.pid)


def test_a_command_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """If the command does not exist, the owner gets the error, and no child keeps running."""
    with pytest.raises(OSError, match="/no/such/program could not be started"):
        OwnedProcess(["/no/such/program"], tmp_path / "out")

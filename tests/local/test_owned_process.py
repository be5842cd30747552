"""A child process obeys its owner, and reports how it ended."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from stream.local.owned_process import OwnedProcess

_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


def test_reports_exit_code_and_output(tmp_path: Path) -> None:
    """The command's own exit code and output come through, and its environment is the one given."""
    code = "import os, sys; print(os.environ['WORD']); sys.exit(7)"
    process = OwnedProcess([sys.executable, "-c", code], tmp_path / "out", {"WORD": "heard"})
    while process.returncode is None:
        time.sleep(0.01)
    assert process.returncode == 7
    assert "heard" in (tmp_path / "out").read_text()
    assert process.stop(1) == process.kill() == 7


def test_ends_a_deaf_command(tmp_path: Path) -> None:
    """A command that ignores SIGTERM is killed after its grace."""
    process = OwnedProcess([sys.executable, "-c", _STUBBORN], tmp_path / "out")
    while "deaf" not in (tmp_path / "out").read_text():
        time.sleep(0.01)
    assert process.stop(0.2) == 128 + 9
    assert not psutil.pid_exists(process.pid)


def test_names_a_command_that_is_not_there(tmp_path: Path) -> None:
    """A program that does not exist is the owner's error, not a silent child."""
    with pytest.raises(OSError, match="/no/such/program could not be started"):
        OwnedProcess(["/no/such/program"], tmp_path / "out")

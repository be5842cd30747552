"""Quix Streams' own virtual environment: it pins an older confluent-kafka than ours."""

import subprocess
import sys
from pathlib import Path

from benchmarks.pipeline.programs import ROOT

#: As `make bench` has it.
_ENVIRONMENT = ROOT / ".venv-quix"
_LOCK = ROOT / "requirements" / "bench-quix.txt"
_STAMP = _ENVIRONMENT / ".installed-bench-quix"


def quix_python() -> tuple[Path | None, str]:
    """Return the interpreter of that environment, making it first if need be.

    Returns:
        The interpreter and "", or None and why it cannot be had.
    """
    python = _ENVIRONMENT / "bin" / "python"
    if _STAMP.exists() and _STAMP.stat().st_mtime >= _LOCK.stat().st_mtime:
        return python, ""
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    for command in (
        [sys.executable, "-m", "venv", str(_ENVIRONMENT)],
        [*pip, "--no-deps", "--require-hashes", "-r", str(_LOCK)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
        if done.returncode:
            reason = (done.stderr or done.stdout).strip().rpartition("\n")[2]
            return None, f"its environment cannot be made: {reason}"
    _STAMP.touch()
    return python, ""

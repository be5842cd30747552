"""A virtual environment for Quix Streams, which pins an older confluent-kafka than this project."""

import subprocess
import sys
from pathlib import Path

from benchmarks.pipeline.programs import ROOT

#: Paths of the environment and its requirements, the same as in the Makefile.
_ENVIRONMENT = ROOT / ".venv-quix"
_LOCK = ROOT / "requirements" / "bench-quix.txt"
_STAMP = _ENVIRONMENT / ".installed-bench-quix"


def quix_python() -> tuple[Path | None, str]:
    """Return the environment's interpreter, creating the environment if needed.

    Returns:
        The interpreter and "", or None and the reason why the environment cannot be created.
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
            return None, f"its environment cannot be created: {reason}"
    _STAMP.touch()
    return python, ""

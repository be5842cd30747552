"""`make wheel`: build the wheel into var/dist. The same commit gives the same file, byte by byte."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from schemas.errors import FraudError

ROOT = Path(__file__).parents[1]
OUT = ROOT / "var" / "dist"
#: What setuptools reads.
FILES = ("LICENSE", "README.md", "pyproject.toml")
FOLDERS = ("schemas", "stream", "training")


def build(out: Path = OUT) -> Path:
    """Build the wheel into a folder, from a copy of the project because building leaves files behind; return its path.

    Raises:
        FraudError: If pip cannot build it.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copy(ROOT / name, copy)
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "."]
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(commit_time()), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        # S603: the arguments are constants.
        done = subprocess.run(  # noqa: S603
            [*pip, "--wheel-dir", "dist"], cwd=copy, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise FraudError(f"pip cannot build the wheel: {done.stderr.strip().splitlines()[-1]}")
        (built,) = (copy / "dist").glob("*.whl")
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(built, out))


def commit_time() -> int:
    """Return the time of the current commit, in seconds since 1970; that of 1980, a ZIP file's first, without Git."""
    git = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    # S603, S607: the arguments are constants, and git is wherever the user has it.
    done = subprocess.run(git, capture_output=True, text=True, check=False)  # noqa: S603
    return int(done.stdout) if done.returncode == 0 else 315532800


if __name__ == "__main__":
    sys.stdout.write(f"{build().relative_to(ROOT)}\n")

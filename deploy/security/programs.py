"""Run the programs of .venv-security."""

import json
import os
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any

from schemas.errors import FraudError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-security" / "bin"
#: Variables that a program may see. Others may hold keys, with which Checkov uploads results and zizmor asks GitHub.
_ENVIRONMENT = ("HOME", "LANG", "PATH", "TMPDIR")


def run(name: str, *arguments: str | Path, folder: Path, accepted: Collection[int] = (0,)) -> str:
    """Run a program in a folder, and return what it prints on standard output.

    Args:
        name: Name of the program.
        arguments: Its arguments.
        folder: Working directory.
        accepted: Exit codes of a run that has worked, with or without findings.

    Raises:
        FraudError: If the program is not installed, or ends with another exit code.
    """
    program = FOLDER / name
    if not program.exists():
        raise FraudError(f"{name} is not installed; run make security, which installs it")
    environment = {variable: os.environ[variable] for variable in _ENVIRONMENT if variable in os.environ}
    # S603: the arguments are constants and files of the repository.
    done = subprocess.run(  # noqa: S603
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in accepted:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise FraudError(f"{name} exited with {done.returncode}: {' '.join(reason) or 'it printed nothing'}")
    return done.stdout


def run_json(name: str, *arguments: str | Path, folder: Path, accepted: Collection[int] = (0,)) -> Any:
    """Run a program that prints JSON, and return the value. The arguments and errors are those of `run`.

    Raises:
        FraudError: Also if the output is not JSON.
    """
    output = run(name, *arguments, folder=folder, accepted=accepted)
    try:
        return json.loads(output)
    except json.JSONDecodeError as error:
        raise FraudError(f"{name} printed no JSON ({error}); run it by hand to see why") from error

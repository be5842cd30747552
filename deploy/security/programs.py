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


def run(
    name: str,
    *arguments: str | Path,
    folder: Path,
    accepted: Collection[int] = (0,),
    variables: Collection[str] = (),
) -> str:
    """Run a program in a folder, and return what it prints on standard output.

    Args:
        name: Name of the program.
        arguments: Its arguments.
        folder: Working directory.
        accepted: Exit codes of a run that has worked, with or without findings.
        variables: Names of environment variables that it may see besides the usual ones.

    Raises:
        FraudError: If the program is not installed, ends with another exit code, or with any but 0 and without output.
    """
    program = FOLDER / name
    if not program.exists():
        raise FraudError(f"{name} is not installed; run make security, which installs it")
    visible = (*_ENVIRONMENT, *variables)
    environment = {variable: os.environ[variable] for variable in visible if variable in os.environ}
    # S603: the arguments are constants and files of the repository.
    done = subprocess.run(  # noqa: S603
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    # Some programs end with 1 both for findings, which they print, and for errors.
    if done.returncode not in accepted or (done.returncode and not done.stdout.strip()):
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise FraudError(f"{name} exited with {done.returncode}: {' '.join(reason) or 'it printed nothing'}")
    return done.stdout


def run_json(
    name: str,
    *arguments: str | Path,
    folder: Path,
    accepted: Collection[int] = (0,),
    variables: Collection[str] = (),
) -> Any:
    """Run a program that prints JSON, and return the value. The arguments and errors are those of `run`.

    Raises:
        FraudError: Also if the output is not JSON.
    """
    output = run(name, *arguments, folder=folder, accepted=accepted, variables=variables)
    try:
        return json.loads(output)
    except json.JSONDecodeError as error:
        raise FraudError(f"{name} printed no JSON ({error}); run it by hand to see why") from error

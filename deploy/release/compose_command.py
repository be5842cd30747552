"""Runs Docker Compose, or a command with the same options, on a release's services."""

import os
import subprocess
from pathlib import Path

from deploy.release.errors import ReleaseError

ROOT = Path(__file__).parents[2]
#: Environment variables: the command, such as podman-compose, and the files before that of the tracks, separated by
#: colons, as Docker Compose itself reads them.
COMMAND, FILES = "RELEASE_COMPOSE", "COMPOSE_FILE"
#: Seconds for a command.
COMMAND_S = 120.0


class ComposeCommand:
    """Compose commands on a project.

    Args:
        project: Name of the project.
        tracks: File with the services of the tracks, which exists when the first command runs.
    """

    def __init__(self, project: str, tracks: Path) -> None:
        files = os.environ.get(FILES, str(ROOT / "docker-compose.yml")).split(":")
        options = [word for file in (*files, str(tracks)) for word in ("-f", file)]
        self._program = os.environ.get(COMMAND, "docker compose").split()
        self._command = [*self._program, "-p", project, *options]

    def run(self, *arguments: str, timeout: float = COMMAND_S, check: bool = True) -> str:
        """Run a command and return its output.

        Args:
            arguments: The command and its options.
            timeout: Seconds after which it is killed.
            check: Whether an exit code other than 0 is an error.

        Raises:
            ReleaseError: If the command fails or takes too long.
        """
        shown = f"{' '.join(self._program)} {arguments[0]}"
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own compose command
                [*self._command, *arguments], capture_output=True, text=True, timeout=timeout, check=False
            )
        except OSError as error:
            raise ReleaseError(f"cannot run {self._program[0]} ({error.strerror}); set {COMMAND}") from None
        except subprocess.TimeoutExpired:
            raise ReleaseError(f"{shown} takes more than {timeout:g} s; see the logs of its services") from None
        if check and done.returncode:
            raise ReleaseError(f"{shown} failed: {done.stderr.strip().rpartition(chr(10))[2]}")
        return done.stdout

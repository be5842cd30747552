"""Runs kubectl. Each call has a timeout, and each failure is one line."""

import subprocess
from typing import Any

import msgspec

from deploy.observe.installed import find, not_installed
from deploy.release.errors import ReleaseError

#: Seconds for one call. Calls wait for the API server only; waiting for pods is done by asking again.
CALL_S = 30.0


class Kubectl:
    """kubectl in one namespace, with the current context of the user's kubeconfig.

    Args:
        namespace: Namespace of all calls.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def command(self, *arguments: str) -> list[str]:
        """Return a command line.

        Raises:
            ReleaseError: If kubectl is not installed.
        """
        program = find("kubectl")
        if program is None:
            raise ReleaseError(not_installed("kubectl"))
        return [program, "--namespace", self.namespace, *arguments]

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl and return its output.

        Args:
            arguments: Arguments after the namespace.
            stdin: Text for its standard input.

        Raises:
            ReleaseError: If kubectl is not installed, fails, or takes more than `CALL_S`.
        """
        called = f"kubectl {' '.join(arguments[:3])}"
        try:
            # S603: no shell reads the arguments.
            done = subprocess.run(  # noqa: S603
                self.command(*arguments), input=stdin, capture_output=True, text=True, timeout=CALL_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise ReleaseError(f"{called} takes more than {CALL_S:g} s; does the API server respond?") from None
        if done.returncode:
            reason = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
            raise ReleaseError(f"{called} failed: {reason}")
        return done.stdout

    def get(self, *arguments: str) -> Any:
        """Return resources as JSON; None if there are none.

        Raises:
            ReleaseError: As `run`.
        """
        output = self.run("get", *arguments, "--ignore-not-found", "--output", "json")
        return msgspec.json.decode(output) if output.strip() else None

    def patch(self, resource: str, change: dict[str, Any]) -> None:
        """Merge a change into a resource, such as `service/http`.

        Raises:
            ReleaseError: As `run`.
        """
        self.run("patch", resource, "--type", "merge", "--patch", msgspec.json.encode(change).decode())

    def apply(self, resources: list[dict[str, Any]]) -> None:
        """Apply resources on the server.

        The API server records who set which field. A field that somebody else has changed since, such as a number of
        replicas, is overwritten if a resource has it, and left alone if not.

        Raises:
            ReleaseError: As `run`.
        """
        everything = {"apiVersion": "v1", "kind": "List", "items": resources}
        # The server rejects fields that it does not know; kubectl need not check them too.
        options = ("--force-conflicts", "--field-manager", "fraud-release", "--validate=false")
        self.run("apply", "--server-side", *options, "-f", "-", stdin=msgspec.json.encode(everything).decode())

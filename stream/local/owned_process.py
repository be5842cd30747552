"""A child process that does not outlive its owner.

The owner starts this file as a small supervisor in a session of its own, so that Ctrl-C in a terminal reaches only the
owner, which then stops its children in order. The supervisor starts the command and reads a pipe that the owner holds
open: a byte is a request, and the end of the pipe means that the owner has exited, for whatever reason. A pipe works on
both Linux and macOS (Linux's PR_SET_PDEATHSIG fires as soon as the *thread* that started the child ends). Only the
command's own parent signals it, so a signal cannot hit another process that has been given the same process id.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_STOP, _KILL = b"t", b"k"
#: Seconds between SIGTERM and SIGKILL for a command whose owner has exited.
_ORPHAN_GRACE_S = 10.0


class OwnedProcess:
    """A command that exits no later than its owner.

    Args:
        command: Program to run, and its arguments.
        output: File to which the command's output is appended.
        environment: Environment of the command; by default the owner's environment.

    Attributes:
        pid: Process id of the command, not of its supervisor.

    Raises:
        OSError: If the command cannot be started.
    """

    def __init__(self, command: Sequence[str], output: Path, environment: Mapping[str, str] | None = None) -> None:
        # Held to use or close the pipe, so that no request is written to a descriptor that is closed and used again.
        self._pipe = threading.Lock()
        with output.open("ab") as log:
            self._supervisor = subprocess.Popen(  # noqa: S603 - one of our own commands
                # -I -S: the supervisor needs only the standard library, and starts in half the time.
                [sys.executable, "-I", "-S", __file__, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        assert self._supervisor.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        with self._supervisor.stdout as reader:
            pid = reader.readline()
        if not pid:
            self._wait()
            raise OSError(f"{command[0]} could not be started; see {output}")
        self.pid = int(pid)

    @property
    def returncode(self) -> int | None:
        """The command's exit code (128 + n if signal n ended the command), or None while the command is running."""
        return None if self._supervisor.poll() is None else self._wait()

    def stop(self, grace_s: float) -> int:
        """Stop the command (SIGTERM, and SIGKILL after `grace_s` seconds) and return its exit code."""
        self._send(_STOP)
        try:
            return self._wait(grace_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """Kill the command (SIGKILL) and return its exit code."""
        self._send(_KILL)
        return self._wait()

    @property
    def _requests(self) -> IO[bytes]:
        assert self._supervisor.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        return self._supervisor.stdin

    def _send(self, request: bytes) -> None:
        with self._pipe, contextlib.suppress(BrokenPipeError):  # the command has ended already
            if not self._requests.closed:
                os.write(self._requests.fileno(), request)

    def _wait(self, timeout_s: float | None = None) -> int:
        """Wait until the command has ended, close the pipe to its supervisor, and return the exit code."""
        code = self._supervisor.wait(timeout_s)
        with self._pipe:
            self._requests.close()
        return code


def _serve_owner(child: subprocess.Popen[bytes]) -> None:
    """Execute the owner's requests, and end the child process when the owner has exited."""
    while request := os.read(sys.stdin.fileno(), 1):
        if request == _KILL:
            child.kill()
        else:
            child.terminate()
    child.terminate()
    time.sleep(_ORPHAN_GRACE_S)
    child.kill()


def _supervise(command: Sequence[str]) -> int:
    log = sys.stderr.fileno()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 - see above
    os.write(sys.stdout.fileno(), b"%d\n" % child.pid)
    threading.Thread(target=_serve_owner, args=(child,), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # Not sys.exit: the thread may be blocked in a read forever.
    os._exit(_supervise(sys.argv[1:]))

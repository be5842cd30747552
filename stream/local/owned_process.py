"""A child process that does not outlive its owner.

The owner starts this very file as a small supervisor in a session of its own, so that Ctrl-C in a terminal
reaches the owner alone, which then stops its children in order. The supervisor starts the command and listens on
a pipe that the owner holds: a byte is an order, and the pipe's end means that the owner is gone, however it died.
A pipe works on Linux and macOS alike (Linux's PR_SET_PDEATHSIG fires already when the *thread* that started the
child ends), and only the command's own parent signals it, so no signal can meet a stranger that was given the
same process id.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_STOP, _KILL = b"t", b"k"
#: Seconds that an orphaned command gets to end by itself.
_ORPHAN_GRACE_S = 10.0


class OwnedProcess:
    """A command that ends with its owner at the latest.

    Args:
        command: Program and arguments.
        output: File that receives what the command prints, appended.
        environment: The command's environment; the owner's own by default.

    Attributes:
        pid: Process id of the command itself, not of its supervisor.

    Raises:
        OSError: The command cannot be started.
    """

    def __init__(self, command: Sequence[str], output: Path, environment: Mapping[str, str] | None = None) -> None:
        with output.open("ab") as log:
            self._supervisor = subprocess.Popen(  # noqa: S603 - the command is our own program's
                # -I -S: the supervisor needs the standard library only, and starts in half the time.
                [sys.executable, "-I", "-S", __file__, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        assert self._supervisor.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        with self._supervisor.stdout as report:
            pid = report.readline()
        if not pid:
            self._supervisor.wait()
            raise OSError(f"{command[0]} could not be started; see {output}")
        self.pid = int(pid)

    @property
    def returncode(self) -> int | None:
        """The command's exit code, 128 + n if signal n ended it; None while it runs."""
        return self._supervisor.poll()

    def stop(self, grace_s: float) -> int:
        """Ask the command to end (SIGTERM; after `grace_s` seconds SIGKILL) and return its exit code."""
        self._order(_STOP)
        try:
            return self._supervisor.wait(grace_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End the command at once (SIGKILL) and return its exit code."""
        self._order(_KILL)
        return self._supervisor.wait()

    def _order(self, order: bytes) -> None:
        assert self._supervisor.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            os.write(self._supervisor.stdin.fileno(), order)


def _obey(child: subprocess.Popen[bytes]) -> None:
    """Carry the owner's orders out; end the child when the owner is gone."""
    while order := os.read(sys.stdin.fileno(), 1):
        if order == _KILL:
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
    threading.Thread(target=_obey, args=(child,), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # Not sys.exit: the thread may sit in a read for ever.
    os._exit(_supervise(sys.argv[1:]))

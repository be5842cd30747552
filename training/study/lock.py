"""A lock that allows only one process of a kind to run in a directory at a time.

`python -m training.study.lock FILE` exits with 0 if a process holds the lock, and with 1 if none does: the health check
of a program that serves no web page. It needs no shell.
"""

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from schemas.errors import StudyError

#: Seconds to wait for the lock: a health check that asks whether the lock is held holds it itself for a moment.
PATIENCE_S = 2.0


@contextmanager
def single_instance(path: Path, what: str = "study") -> Iterator[None]:
    """Hold a file lock while the body runs. The system releases the lock when the process ends, even if it is killed.

    Args:
        path: Lock file.
        what: Name of the locked activity, for the error message.

    Raises:
        StudyError: If another process keeps the lock for `PATIENCE_S`, or the file cannot be created.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise StudyError(
            f"cannot write to {path} ({error.strerror}); fix its permissions, or run the command in another directory"
        ) from error
    with file:
        if not _locked(file):
            raise StudyError(
                f"another {what} is running in this directory (it has locked {path}); "
                "wait until that process ends, or stop it"
            )
        yield


def is_held(path: Path) -> bool:
    """Return whether a process holds a lock. If none does, the lock is taken for a moment to find out."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _locked(file: TextIO) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        else:
            return True


if __name__ == "__main__":
    if not is_held(Path(sys.argv[1])):
        sys.exit(f"no process holds {sys.argv[1]}")

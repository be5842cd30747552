"""A lock that allows only one process of a kind to run in a directory at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import StudyError


@contextmanager
def single_instance(path: Path, what: str = "study") -> Iterator[None]:
    """Hold a file lock while the body runs. The system releases the lock when the process ends, even if it is killed.

    Args:
        path: Lock file.
        what: Name of the locked activity, for the error message.

    Raises:
        StudyError: If another process holds the lock, or the file cannot be created.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise StudyError(
            f"cannot write to {path} ({error.strerror}); fix its permissions, or run the command in another directory"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(
                f"another {what} is running in this directory (it has locked {path}); "
                "wait until that process ends, or stop it"
            ) from None
        yield

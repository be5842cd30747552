"""One study, or one of whatever else, at a time in one place."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import StudyError


@contextmanager
def only_one(path: Path, what: str = "study") -> Iterator[None]:
    """Hold a file's lock while the body runs; the system frees it when the process dies, however it dies.

    Args:
        path: Of the file.
        what: That there may be one of, for the error's text.

    Raises:
        StudyError: If another process holds it, or the file can't be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise StudyError(f"{path} cannot be written ({error.strerror}); mend the folder, or run elsewhere") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(f"another {what} is running here (it holds {path}); wait for it or end it first") from None
        yield

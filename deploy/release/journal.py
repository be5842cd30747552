"""The log of a release: one line for each step, for a person to read, and the same as data for a report."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec import Struct


class Entry(Struct):
    """One step of a release."""

    #: When the step began, UTC milliseconds.
    began_ms: int
    #: What is done, such as "decide the newest transactions again".
    step: str
    seconds: float
    #: Whether the step succeeded.
    ok: bool
    #: What came of it, or why it failed.
    detail: str


class Step:
    """A step in progress; `detail` says what came of it."""

    def __init__(self) -> None:
        self.detail = ""


class Journal:
    """The steps of a release so far.

    Args:
        write: Called with each line.

    Attributes:
        entries: The steps, in order.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self.entries: list[Entry] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Record a step, whether it succeeds or raises an error."""
        began, began_s, step = datetime.now(UTC), time.monotonic(), Step()
        failure: BaseException | None = None
        try:
            yield step
        # Ctrl-C and errors of this program too: a step that did not end is no success.
        except BaseException as error:
            failure = error
            raise
        finally:
            detail = (str(failure) or type(failure).__name__) if failure else step.detail
            seconds = time.monotonic() - began_s
            self.entries.append(Entry(round(began.timestamp() * 1000), name, seconds, failure is None, detail))
            mark = "FAILED " if failure else ""
            self._write(f"{began:%H:%M:%S}  {mark}{name} ({seconds:.1f} s){f': {detail}' if detail else ''}")

"""What is left of a release: its outcome and its steps, as data."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from types import FrameType

from msgspec import Struct

from deploy.release.errors import IncompleteError, ReleaseError
from deploy.release.journal import Entry, Journal


class Outcome(StrEnum):
    """How a release or a rollback ended."""

    RELEASED = "released"
    #: A step failed, and everything is as it was before.
    ROLLED_BACK = "rolled back"
    INCOMPLETE = "incomplete"

    @property
    def exit_code(self) -> int:
        """Exit code of the command. 2 is for wrong options."""
        return {Outcome.RELEASED: 0, Outcome.ROLLED_BACK: 1, Outcome.INCOMPLETE: 3}[self]


class Record(Struct):
    """A release, or a rollback by hand."""

    command: str
    target: str
    #: Track that serves if it succeeds, and its image.
    track: str
    image: str
    outcome: Outcome = Outcome.RELEASED
    #: Why it did not succeed.
    reason: str | None = None
    entries: list[Entry] = []

    @contextmanager
    def written_by(self, journal: Journal) -> Iterator[None]:
        """Record the outcome of what happens inside; an error of the release ends there.

        A signal that ends the program fails the step in progress, so that the release is rolled back. A second one is
        ignored: nothing should stop the rollback.
        """
        before = {number: signal.signal(number, _fail) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        except IncompleteError as error:
            self.outcome, self.reason = Outcome.INCOMPLETE, str(error)
        except ReleaseError as error:
            self.outcome, self.reason = Outcome.ROLLED_BACK, str(error)
        finally:
            self.entries = journal.entries
            for number, handler in before.items():
                signal.signal(number, handler)


def _fail(number: int, _: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise ReleaseError(f"stopped by {signal.Signals(number).name}")

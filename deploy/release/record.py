"""The record of a release: its outcome and its steps, as data."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from msgspec import Struct

from deploy.release.errors import IncompleteError, ReleaseError
from deploy.release.journal import Entry, Journal
from deploy.release.signals import signals_fail_the_step


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
        """Record the outcome of what happens inside. An error ends there, after the release has been rolled back."""
        try:
            with signals_fail_the_step():
                yield
        except IncompleteError as error:
            self.outcome, self.reason = Outcome.INCOMPLETE, str(error)
        except ReleaseError as error:
            self.outcome, self.reason = Outcome.ROLLED_BACK, str(error)
        # A fault of this tool. The record says that the release was rolled back, the traceback why.
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            self.outcome, self.reason = Outcome.ROLLED_BACK, f"{type(error).__name__}: {error}"
        finally:
            self.entries = journal.entries

"""The two tracks, and the programs that each of them runs."""

from enum import StrEnum


class Track(StrEnum):
    """One of the two sets of programs."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> "Track":
        """The other track."""
        return Track.GREEN if self is Track.BLUE else Track.BLUE


class Program(StrEnum):
    """A kind of program that a release replaces. A track may run several instances of it."""

    EDGE = "http"
    WORKER = "worker"
    #: The ledger and the archive. They are replaced last: until then, the old ones read what the new release writes.
    STORES = "stores"

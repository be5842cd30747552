"""How the archive lies on its file system, and which rows of which file a reader takes.

    <url>/archive.json                                                  its format version
    <url>/<kind>/date=YYYY-MM-DD/<partition>-<first>-<next>.parquet     the messages with first ≤ offset < next
    <url>/<kind>/date=YYYY-MM-DD/.<…>.parquet.<random>.tmp              being written, or left by a crash: no file

A file holds every message that its partition had in its range when it was written, and is never changed. It begins
where the files that were there before it end, or within them: a writer that was given a partition while another still
held it (after a freeze, say) may write a range again, in part or whole. Hence the rule for readers, `each_once`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

#: Raised when an old reader can't take what a new writer writes.
FORMAT_VERSION = 1
#: Holds the format version; without it there is no archive at a URL.
MARKER = "archive.json"
#: The kinds of messages, each in a folder of its name.
KINDS = ("transactions", "transactions-http", "decisions", "labels")

_NAME = re.compile(r"(\d{1,10})-(\d{1,19})-(\d{1,19})\.parquet")
_FOLDER = re.compile(r"date=(\d{4}-\d{2}-\d{2})")
#: Of `datetime.date`, in milliseconds.
_LAST_MS = 253_402_300_799_999


@dataclass(frozen=True, order=True, slots=True)
class ArchiveFile:
    """A file of one kind; sorted by partition and first offset, of those the longest first.

    Attributes:
        partition: Of the kind's topic.
        first: Offset of its first message.
        following: Offset after its last message, negated in the order.
        day: UTC date it is filed under.
    """

    partition: int
    first: int
    _longest: int
    day: date

    @classmethod
    def of(cls, partition: int, first: int, following: int, day: date) -> "ArchiveFile":
        """Make one from its range first ≤ offset < following."""
        return cls(partition, first, -following, day)

    @property
    def following(self) -> int:
        """Offset after its last message."""
        return -self._longest

    @property
    def path(self) -> str:
        """Return where it lies, below its kind."""
        return f"{folder(self.day)}/{self.partition}-{self.first}-{self.following}.parquet"


def folder(day: date) -> str:
    """Return the folder of a date, below its kind."""
    return f"date={day.isoformat()}"


def parse_folder(name: str) -> date | None:
    """Return the date of a folder, None when it is no folder of ours."""
    match = _FOLDER.fullmatch(name)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def parse_file(name: str, day: date) -> ArchiveFile | None:
    """Return the file of a name in the folder of `day`, None when it is no file of ours."""
    match = _NAME.fullmatch(name)
    if not match or int(match[2]) >= int(match[3]):
        return None
    return ArchiveFile.of(int(match[1]), int(match[2]), int(match[3]), day)


def leftover_of(name: str) -> int | None:
    """Return the partition that a file under a temporary name was to be of, None when the name is no such one."""
    parts = name.split(".")
    if not name.startswith(".") or not name.endswith(".tmp"):
        return None
    match = _NAME.fullmatch(".".join(parts[1:3]))
    return int(match[1]) if match else None


def utc_day(timestamp_ms: int) -> date:
    """Return the UTC date of a Kafka timestamp; those that no calendar holds become its first and last."""
    return datetime.fromtimestamp(min(max(timestamp_ms, 0), _LAST_MS) / 1000, UTC).date()


def each_once(files: Iterable[ArchiveFile]) -> Iterator[tuple[ArchiveFile, int]]:
    """Yield which files to read, and from which offset on, so that each message comes once and in order.

    By partition, in the order of their first offsets and of equal ones the longest first, a file gives the rows at or
    above the highest end of the files before it. What lies below was in those: whichever of them reaches that far
    also begins no later, so it holds everything in between.

    Args:
        files: Of one kind, in any order.

    Yields:
        A file and the lowest offset to take from it; files that add nothing are left out.
    """
    partition, reached = -1, 0
    for file in sorted(files):
        if file.partition != partition:
            partition, reached = file.partition, 0
        if file.following > reached:
            yield file, max(file.first, reached)
            reached = file.following

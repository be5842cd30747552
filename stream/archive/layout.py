"""The archive's layout on its file system, and which rows a reader takes from which file.

    <url>/archive.json                                                  format version
    <url>/<kind>/date=YYYY-MM-DD/<partition>-<first>-<end>.parquet      the messages with first ≤ offset < end
    <url>/<kind>/date=YYYY-MM-DD/.<…>.parquet.<random>.tmp              being written, or left by a crash; never read

A file contains every message that its partition had in the file's offset range when the file was written, and never
changes. A file begins where the earlier files end, or inside one of them: a writer that takes over a partition while
the previous writer is still active (for example, after a freeze) may write part or all of a range again. `plan_reads`
decides which rows a reader takes.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

#: Format version; increased when older readers cannot read what a newer writer writes.
FORMAT_VERSION = 1
#: File that contains the format version; a URL without this file has no archive.
MARKER = "archive.json"
#: Kinds of messages; each kind has a folder of the same name.
KINDS = ("transactions", "transactions-http", "decisions", "labels")

_FILE_NAME = re.compile(r"(\d{1,10})-(\d{1,19})-(\d{1,19})\.parquet")
_FOLDER_NAME = re.compile(r"date=(\d{4}-\d{2}-\d{2})")
#: The latest time that `datetime.date` can represent, UTC milliseconds.
_LAST_MS = 253_402_300_799_999


@dataclass(frozen=True, order=True, slots=True)
class ArchiveFile:
    """A file with messages of one kind. Files sort by partition, then by first offset, then longest first.

    Attributes:
        partition: Partition of the kind's topic.
        first: Offset of the file's first message.
        day: UTC date of the file's folder.
    """

    partition: int
    first: int
    #: The end is negated so that, of files with the same first offset, the longest sorts first.
    _longest_first: int
    day: date

    @classmethod
    def from_range(cls, partition: int, first: int, end: int, day: date) -> "ArchiveFile":
        """Return the file that contains the offsets first ≤ offset < end."""
        return cls(partition, first, -end, day)

    @property
    def end(self) -> int:
        """Offset after the file's last message."""
        return -self._longest_first

    @property
    def path(self) -> str:
        """Path relative to the folder of its kind."""
        return f"{folder(self.day)}/{self.partition}-{self.first}-{self.end}.parquet"


def folder(day: date) -> str:
    """Return the name of a date's folder."""
    return f"date={day.isoformat()}"


def parse_folder(name: str) -> date | None:
    """Return the date of a folder; None if the folder is not one of the archive's."""
    match = _FOLDER_NAME.fullmatch(name)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def parse_file(name: str, day: date) -> ArchiveFile | None:
    """Return the file with this name in the folder for `day`; None if it is not an archive file."""
    match = _FILE_NAME.fullmatch(name)
    if not match or int(match[2]) >= int(match[3]):
        return None
    return ArchiveFile.from_range(int(match[1]), int(match[2]), int(match[3]), day)


def parse_temporary(name: str) -> int | None:
    """Return the partition of a temporary file; None if the name is not that of a temporary file."""
    parts = name.split(".")
    if not name.startswith(".") or not name.endswith(".tmp"):
        return None
    match = _FILE_NAME.fullmatch(".".join(parts[1:3]))
    return int(match[1]) if match else None


def utc_day(timestamp_ms: int) -> date:
    """Return the UTC date of a Kafka timestamp, clipped to the dates that `datetime.date` can represent."""
    return datetime.fromtimestamp(min(max(timestamp_ms, 0), _LAST_MS) / 1000, UTC).date()


def plan_reads(files: Iterable[ArchiveFile]) -> Iterator[tuple[ArchiveFile, int]]:
    """Yield which files to read, and from which offset, so that each message is read once and in order.

    Files are sorted by partition, then by first offset; of files with the same first offset, the longest comes first.
    Each file contributes its rows from the highest end of the earlier files onwards. Its rows below that end are in the
    earlier files: the earlier file with the highest end begins no later than this file, so it contains everything in
    between.

    Args:
        files: Files of one kind, in any order.

    Yields:
        A file and the lowest offset to take from it; files that contribute nothing are left out.
    """
    partition, reached = -1, 0
    for file in sorted(files):
        if file.partition != partition:
            partition, reached = file.partition, 0
        if file.end > reached:
            yield file, max(file.first, reached)
            reached = file.end

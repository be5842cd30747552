"""Finds the offsets to resume at: the ends of the existing files. They are not stored anywhere else, even in Kafka."""

from collections.abc import Mapping, Sequence
from datetime import date

from stream.archive.files import ArchiveFiles
from stream.archive.layout import ArchiveFile, parse_temporary
from stream.kafka.stored_source import Claim
from stream.runtime.outage import Outage


class ArchiveStore:
    """Finds the offset at which each partition's files end.

    There is no owner epoch, because not every file system has compare-and-swap: a writer that has lost its partition
    without noticing may still write a file. Readers nevertheless take each message once; see
    `stream.archive.layout.plan_reads`.

    Args:
        files: The archive's files.
        kinds: Kind of message by topic.
        outage: Tracker of whether the file system is responding.
    """

    name = "archive"

    def __init__(self, files: ArchiveFiles, kinds: Mapping[str, str], outage: Outage) -> None:
        self._files = files
        self._kinds = kinds
        self._outage = outage
        self._days: dict[tuple[str, int], date] = {}

    def claim(self, topic: str, partitions: Sequence[int]) -> Mapping[int, Claim]:
        """Return the offsets to resume at, and remove temporary files that a crash left behind.

        Dates never go back within a partition, so folders are listed from the newest to the oldest until a file of each
        partition has been found.

        Raises:
            ArchiveUnavailableError: If the file system is not responding.
        """
        kind = self._kinds[topic]
        newest: dict[int, ArchiveFile] = {}
        with self._outage.track(topic):
            self._files.require()
            for day in self._files.list_days(kind) if partitions else ():
                missing = set(partitions) - newest.keys()
                if not missing:
                    break
                files, temporary = self._files.list_day(kind, day)
                # A writer that lost its partition may still be writing one of these files; its write then fails and is
                # retried.
                self._files.remove_temporary(kind, day, [n for n in temporary if parse_temporary(n) in missing])
                for file in files:
                    if file.partition in missing:
                        newest[file.partition] = max(newest.get(file.partition, file), file, key=_end)
        self._days.update({(topic, partition): file.day for partition, file in newest.items()})
        ends = {partition: newest[partition].end if partition in newest else 0 for partition in partitions}
        return {partition: Claim(owner_epoch=0, next_offset=end) for partition, end in ends.items()}

    def newest_day(self, topic: str, partition: int) -> date:
        """Return the date of a partition's last file when it was claimed; `date.min` if it had none."""
        return self._days.get((topic, partition), date.min)


def _end(file: ArchiveFile) -> int:
    return file.end

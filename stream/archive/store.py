"""Where to read on: the ends of the files that are there. Nothing else is kept, in Kafka or anywhere."""

from collections.abc import Mapping, Sequence
from datetime import date

from stream.archive.files import ArchiveFiles
from stream.archive.layout import ArchiveFile, leftover_of
from stream.kafka.stored_source import Claim
from stream.runtime.outage import Outage


class ArchiveStore:
    """Finds where each partition's files end.

    There is no owner epoch, for not every file system can compare and swap: a writer that lost its partition without
    knowing may still put a file. Readers take each message once all the same (`stream.archive.layout.each_once`).

    Args:
        files: The archive.
        kinds: By topic, the kind of its messages.
        outage: Told whether the file system answers.
    """

    name = "archive"

    def __init__(self, files: ArchiveFiles, kinds: Mapping[str, str], outage: Outage) -> None:
        self._files = files
        self._kinds = kinds
        self._outage = outage
        self._days: dict[tuple[str, int], date] = {}

    def claim(self, topic: str, partitions: Sequence[int]) -> Mapping[int, Claim]:
        """Say where to read on, and take away what a crash left of these partitions' next files.

        Dates never go back within a partition, so folders are looked through from the newest on, only as far as the
        first that holds a file of each partition.

        Raises:
            ArchiveAwayError: If the file system does not answer.
        """
        kind = self._kinds[topic]
        newest: dict[int, ArchiveFile] = {}
        with self._outage.watched(topic):
            self._files.require()
            for day in self._files.days(kind) if partitions else ():
                missing = set(partitions) - newest.keys()
                if not missing:
                    break
                files, leftovers = self._files.in_day(kind, day)
                # One of a writer that lost its partition may be among them; it will meet an error, and write it again.
                self._files.clean(kind, day, [name for name in leftovers if leftover_of(name) in missing])
                for file in files:
                    if file.partition in missing:
                        newest[file.partition] = max(newest.get(file.partition, file), file, key=_following)
        self._days.update({(topic, partition): file.day for partition, file in newest.items()})
        ends = {partition: newest[partition].following if partition in newest else 0 for partition in partitions}
        return {partition: Claim(owner_epoch=0, next_offset=end) for partition, end in ends.items()}

    def newest_day(self, topic: str, partition: int) -> date:
        """Return the date of a partition's last file as it was when it was claimed; the earliest there is without."""
        return self._days.get((topic, partition), date.min)


def _following(file: ArchiveFile) -> int:
    return file.following

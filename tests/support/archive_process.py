"""An archive as users run it: `fraud-stream archive` in a process of its own, which a test may kill or freeze."""

import itertools
import time
from pathlib import Path

from stream.archive.layout import KINDS, ArchiveFile, parse_file, parse_folder
from stream.archive.reader import read_archive
from stream.settings import Settings
from tests.support.topics import read_all
from tests.support.worker_process import WorkerProcess


class ArchiveProcess(WorkerProcess):
    """An archive process that ends no later than the test.

    Args:
        settings: Settings of the archive, passed only as environment variables.
        directory: Directory for the archive's output.
    """

    command = "archive"

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until the archive is ready, with time to import pyarrow, which is slow on a busy machine."""
        super().wait_ready(timeout_s)

    def open_messages(self) -> float:
        """Return the number of messages, of all kinds, that are in memory but not yet in a file."""
        return sum(value for name, value in self.metrics().items() if name.startswith("archive_open_messages"))

    def wait_rows(self, kind: str, least: int, timeout: float = 60.0) -> None:
        """Wait until files contain at least `least` messages; a message in two files counts twice."""
        deadline = time.monotonic() + timeout
        while (rows := sum(file.end - file.first for file in files_of(self.settings, kind))) < least:
            assert self.returncode is None, f"the archive exited with code {self.returncode}:\n{self.last_lines()}"
            assert time.monotonic() < deadline, f"only {rows} within {timeout:g} s:\n{self.last_lines()}"
            time.sleep(0.05)


def files_of(settings: Settings, kind: str) -> list[ArchiveFile]:
    """Return the files with one kind of message, listed without the archive's own file system code."""
    files = []
    for path in Path(settings.archive.url.removeprefix("file://")).glob(f"{kind}/*/*"):
        day = parse_folder(path.parent.name)
        file = parse_file(path.name, day) if day else None
        files += [file] if file else []
    return files


def overlaps(files: list[ArchiveFile]) -> int:
    """Return the number of files with offsets that an earlier file also contains."""
    ordered = sorted(files)
    return sum(one.partition == other.partition and other.first < one.end for one, other in itertools.pairwise(ordered))


def reconcile_archive(settings: Settings) -> dict[str, int]:
    """Compare the archive with the topics, message by message, and return the number of messages of each kind.

    Raises:
        AssertionError: Unless each message on each topic is archived exactly once, in order and unchanged.
    """
    topics = {
        "transactions": settings.topic.transactions,
        "transactions-http": settings.topic.transactions_http,
        "decisions": settings.topic.decisions,
        "labels": settings.topic.labels,
    }
    assert tuple(topics) == KINDS
    counts = {}
    for kind, topic in topics.items():
        sent = sorted(
            (m.partition() or 0, m.offset() or 0, m.timestamp()[1], m.key(), m.value())
            for m in read_all(settings.kafka.bootstrap, topic)
        )
        archived = [
            tuple(row[name] for name in ("partition", "offset", "timestamp_ms", "key", "value"))
            for batch in read_archive(settings.archive.url, kind)
            for row in batch.to_pylist()
        ]
        offsets = [row[:2] for row in archived]
        assert len(offsets) == len(set(offsets)), f"{len(offsets) - len(set(offsets))} {kind} are read twice"
        assert offsets == [row[:2] for row in sent], f"{len(offsets)} of {len(sent)} {kind} are archived"
        assert archived == sent
        counts[kind] = len(archived)
    return counts


def is_complete(settings: Settings) -> bool:
    """Return whether every message on the topics is archived, after files have been closed because of their age."""
    try:
        reconcile_archive(settings)
    except AssertionError:
        return False
    return True

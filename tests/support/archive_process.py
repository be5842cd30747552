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
    """An archive that ends with the test at the latest.

    Args:
        settings: Everything it is told, by environment variables alone.
        directory: Receives its output.
    """

    command = "archive"

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait longer than for a worker: pyarrow imports pandas if it is installed, slowly on a busy machine."""
        super().wait_ready(timeout_s)

    def open_messages(self) -> float:
        """Return how many messages of all kinds it has in memory and in no file yet."""
        return sum(value for name, value in self.metrics().items() if name.startswith("archive_open_messages"))

    def wait_rows(self, kind: str, least: int, timeout: float = 60.0) -> None:
        """Wait until so many messages stand in files, those that stand in two counted twice."""
        deadline = time.monotonic() + timeout
        while (rows := sum(file.end - file.first for file in files_of(self.settings, kind))) < least:
            assert self.returncode is None, f"the archive ended with code {self.returncode}:\n{self.last_lines()}"
            assert time.monotonic() < deadline, f"only {rows} within {timeout:g} s:\n{self.last_lines()}"
            time.sleep(0.05)


def files_of(settings: Settings, kind: str) -> list[ArchiveFile]:
    """Return the files of a kind, looked for past the archive's own code for file systems."""
    found = []
    for path in Path(settings.archive.url.removeprefix("file://")).glob(f"{kind}/*/*"):
        day = parse_folder(path.parent.name)
        file = parse_file(path.name, day) if day else None
        found += [file] if file else []
    return found


def overlaps(files: list[ArchiveFile]) -> int:
    """Return how many files hold offsets that another one before them holds."""
    ordered = sorted(files)
    return sum(
        one.partition == other.partition and other.first < one.end for one, other in itertools.pairwise(ordered)
    )


def reckon_archive(settings: Settings) -> dict[str, int]:
    """Compare archive and topics, message for message; return how many there are of each kind.

    Raises:
        AssertionError: Unless each message of each topic is read once, in its order, as it was sent.
    """
    topics = {
        "transactions": settings.topic.transactions,
        "transactions-http": settings.topic.transactions_http,
        "decisions": settings.topic.decisions,
        "labels": settings.topic.labels,
    }
    assert tuple(topics) == KINDS
    counted = {}
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
        places = [row[:2] for row in archived]
        assert len(places) == len(set(places)), f"{len(places) - len(set(places))} {kind} are read twice"
        assert places == [row[:2] for row in sent], f"{len(places)} of {len(sent)} {kind} are archived"
        assert archived == sent
        counted[kind] = len(archived)
    return counted


def is_whole(settings: Settings) -> bool:
    """Whether everything on the topics is archived by now, which files that are closed by their age come to."""
    try:
        reckon_archive(settings)
    except AssertionError:
        return False
    return True

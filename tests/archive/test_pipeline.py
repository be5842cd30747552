"""From batches to files: memory stays within its budget, dates never go back, and unwritten messages are read again."""

import os
import threading
import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import pytest

from stream.archive import open_file
from stream.archive.files import ArchiveFiles
from stream.archive.layout import ArchiveFile, utc_day
from stream.archive.open_file import OpenFile
from stream.archive.pipeline import MIB
from stream.archive.reader import read_archive
from stream.settings import Settings
from tests.support.archive_batch import ArchiveFeeder
from tests.support.records import BASE_MS
from tests.support.until import until

TODAY = utc_day(BASE_MS)
DAY_MS = 86_400_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    """URL of a new archive."""
    return f"file://{tmp_path}/archive"


def archived_offsets(url: str) -> list[tuple[int, int]]:
    """Return the partition and offset of each message that a reader returns."""
    return [
        (row["partition"], row["offset"])
        for batch in read_archive(url, "transactions")
        for row in batch.select(["partition", "offset"]).to_pylist()
    ]


def archived_files(url: str) -> list[ArchiveFile]:
    """Return all files in the archive."""
    files = ArchiveFiles(url)
    return sorted(file for day in files.list_days("transactions") for file in files.list_day("transactions", day)[0])


def test_open_files_stay_within_the_memory_budget(url: str) -> None:
    """For any number of partitions, files are closed early to stay within the budget; no message is lost."""
    feeder = ArchiveFeeder(url, Settings().replace(archive_memory_mib=2, archive_file_s=600.0))
    feeder.claim(*range(12))
    sizes, counts = [], []
    for _ in range(10):
        for partition in range(12):
            feeder.feed([os.urandom(1000)] * 20 * (partition + 1), partition=partition)
            sizes.append(sum(feeder.pipeline.open_bytes.values()))
            counts.append(feeder.pipeline.open_messages)
    assert max(sizes) <= 2 * MIB
    assert max(sizes) > MIB, "memory never came near the budget: this proves nothing"
    feeder.pipeline.close_all()
    feeder.budget.enforce()
    assert feeder.pipeline.open_bytes == {}
    assert archived_offsets(url) == [(partition, n) for partition in range(12) for n in range(200 * (partition + 1))]
    feeder.stop.assert_not_called()


def test_a_file_is_closed_at_its_size(url: str) -> None:
    """A file is closed with the message that brings it to the maximum size, and not before."""
    feeder = ArchiveFeeder(url, Settings().replace(archive_file_mib=1, archive_file_s=600.0))
    feeder.claim(0)
    for _ in range(6):
        feeder.feed([os.urandom(2000)] * 200)
    assert len(archived_files(url)) == 2
    assert all(file.end - file.first == -(-MIB // (2001 + open_file.ROW_BYTES)) for file in archived_files(url))


@pytest.mark.parametrize("size", [0, 100, 2000])
def test_an_open_file_does_not_underestimate_its_memory(size: int) -> None:
    """A file's own estimate of its memory, on which the budget relies, is at least tracemalloc's measurement."""
    values = [
        b'{"transaction_id": "%032d", "card_id": "%032d", "event_time_ms": %d, "x": "%s"}'
        % (n, n, BASE_MS, b"x" * size)
        for n in range(1000)
    ]
    file = OpenFile("transactions", 0, 0, TODAY)
    tracemalloc.start()
    try:
        for n, value in enumerate(values):
            file.add(10**6 + n, BASE_MS + n, b"k%d" % n, value)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert file.file_bytes < open_file.GROUP_BYTES, "a part is compressed already"
    assert (
        taken + sum(map(len, values)) <= file.file_bytes
    )  # tracemalloc did not see the values, which the file keeps alive


def test_a_file_is_closed_at_its_age(url: str) -> None:
    """A file is closed at the maximum age and not before, however small the file is."""
    feeder = ArchiveFeeder(url, Settings().replace(archive_file_s=0.2))
    feeder.claim(0)
    feeder.feed([b"{}"])
    feeder.pipeline.close_due()
    assert archived_files(url) == []
    threading.Event().wait(0.25)
    feeder.pipeline.close_due()
    assert archived_files(url) == [ArchiveFile.from_range(0, 0, 1, TODAY)]


def test_a_new_date_starts_a_new_file(url: str) -> None:
    """A file's date is the UTC date of Kafka's timestamps; a slightly late message does not reopen a date."""
    feeder = ArchiveFeeder(url)
    feeder.clock.ms = BASE_MS + 2 * DAY_MS
    feeder.claim(0)
    feeder.feed([b"1", b"2"], sent_ms=BASE_MS + DAY_MS - 1)
    feeder.feed([b"3"], sent_ms=BASE_MS + DAY_MS)
    feeder.feed([b"4"], sent_ms=BASE_MS + DAY_MS - 1)
    feeder.pipeline.close_all()
    assert archived_files(url) == [
        ArchiveFile.from_range(0, 0, 2, TODAY),
        ArchiveFile.from_range(0, 2, 4, TODAY + timedelta(1)),
    ]


def test_dates_never_go_back_across_a_restart(url: str) -> None:
    """A file written after a restart is never dated before the last file, even if its messages are older.

    Otherwise, the last file would not be in the newest folder, and each restart would archive its messages again.
    """
    feeder = ArchiveFeeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    feeder.pipeline.close_all()
    feeder.claim(0)
    feeder.feed([b"2"], sent_ms=BASE_MS - 5 * DAY_MS)
    feeder.pipeline.close_all()
    feeder.claim(0)
    assert feeder.next == {0: 2}
    assert {file.day for file in archived_files(url)} == {TODAY}


def test_a_restart_lists_no_more_folders_than_it_needs(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing ends at the folder in which each partition's last file is found: an archive of years restarts at once."""
    feeder = ArchiveFeeder(url)
    feeder.clock.ms = BASE_MS + 3 * DAY_MS
    feeder.claim(0, 1)
    for days, partition in ((0, 0), (1, 1), (2, 0)):
        feeder.feed([b"1"], partition=partition, sent_ms=BASE_MS + days * DAY_MS)
        feeder.pipeline.close_all()
    listed: list[date] = []
    list_day = ArchiveFiles.list_day

    def spy(files: ArchiveFiles, kind: str, day: date) -> tuple[list[ArchiveFile], list[str]]:
        listed.append(day)
        return list_day(files, kind, day)

    monkeypatch.setattr(ArchiveFiles, "list_day", spy)
    feeder.claim(0, 1)
    assert feeder.next == {0: 2, 1: 1}
    assert listed == [TODAY + timedelta(2), TODAY + timedelta(1)]


@pytest.mark.parametrize("sent_ms", [2**62, BASE_MS + 400 * DAY_MS])
def test_a_timestamp_years_ahead_is_filed_under_the_current_date(url: str, sent_ms: int) -> None:
    """Messages from senders with different clocks share a file, rather than starting a new file each time."""
    feeder = ArchiveFeeder(url)
    feeder.claim(0)
    for _ in range(50):
        feeder.feed([b"1"], sent_ms=sent_ms)
        feeder.feed([b"2"], sent_ms=-1)
    feeder.pipeline.close_all()
    assert archived_files(url) == [ArchiveFile.from_range(0, 0, 100, TODAY)]


def test_unwritten_messages_are_read_again_when_partitions_move(url: str) -> None:
    """When partitions move, their open files are dropped, and the new owner reads the unwritten messages again."""
    feeder = ArchiveFeeder(url, Settings().replace(archive_file_s=0.01))
    feeder.claim(0, 1)
    feeder.feed([b"1", b"2"])
    stale = feeder.batch([b"3"])
    feeder.source.epoch += 1
    feeder.pipeline.process(stale)
    threading.Event().wait(0.02)
    feeder.pipeline.close_due()
    assert archived_files(url) == []
    assert feeder.pipeline.open_bytes == {}
    feeder.claim(0, 1)
    assert feeder.next == {0: 0, 1: 0}
    feeder.feed([b"1", b"2", b"3"])
    feeder.claim(0)
    feeder.feed([b"1", b"2", b"3"])
    feeder.pipeline.close_all()
    assert archived_offsets(url) == [(0, 0), (0, 1), (0, 2)]
    assert feeder.source.failures == 0


def test_a_batch_that_leaves_a_gap_is_refused(url: str) -> None:
    """If a batch leaves a gap in an open file, the file is dropped and its messages are read again."""
    feeder = ArchiveFeeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    feeder.next[0] = 5
    feeder.feed([b"6"])
    assert feeder.source.failures == 1
    assert feeder.pipeline.open_bytes == {}
    feeder.stop.assert_not_called()


def test_an_unexpected_error_ends_the_program_and_writes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error ends the program without writing, because otherwise its files would have a gap."""
    feeder = ArchiveFeeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    unexpected = ValueError("unexpected")

    def fail(*_: object) -> None:
        raise unexpected

    monkeypatch.setattr(OpenFile, "close", fail)
    feeder.pipeline.close_all()
    feeder.stop.assert_called_once_with(unexpected)
    assert feeder.source.failures == 1
    assert archived_files(url) == []


def test_a_put_is_retried_until_the_file_system_answers(url: str, tmp_path: Path) -> None:
    """Writing a file is retried, and the outage is reported until a write succeeds."""
    feeder = ArchiveFeeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    (tmp_path / "archive").rename(tmp_path / "away")
    closing = threading.Thread(target=feeder.pipeline.close_all)
    closing.start()
    until(lambda: feeder.outage.active)
    (tmp_path / "away").rename(tmp_path / "archive")
    closing.join(10)
    assert not feeder.outage.active
    assert archived_offsets(url) == [(0, 0)]


@pytest.mark.parametrize("cause", ["moved", "stopped"])
def test_retrying_ends_when_the_partition_moves_or_the_program_stops(url: str, tmp_path: Path, cause: str) -> None:
    """Retrying ends when the partition moves or the program stops; the messages will be read again."""
    feeder = ArchiveFeeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    (tmp_path / "archive").rename(tmp_path / "away")
    closing = threading.Thread(target=feeder.pipeline.close_all)
    closing.start()
    until(lambda: feeder.outage.active)
    if cause == "moved":
        feeder.source.epoch += 1
    else:
        feeder.writer.stop()
    closing.join(10)
    assert not closing.is_alive()
    assert feeder.pipeline.open_bytes == {}
    assert not (tmp_path / "archive").exists()
    feeder.stop.assert_not_called()

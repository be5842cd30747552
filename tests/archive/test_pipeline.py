"""From batches to files: memory keeps to its bound, dates never go back, and what is not in a file is read again."""

import os
import threading
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest

from stream.archive import open_file
from stream.archive.files import ArchiveFiles
from stream.archive.layout import ArchiveFile, utc_day
from stream.archive.open_file import OpenFile
from stream.archive.pipeline import MIB
from stream.archive.reader import read_archive
from stream.settings import Settings
from tests.support.archive_batch import Feeder
from tests.support.records import BASE_MS
from tests.support.until import until

TODAY = utc_day(BASE_MS)
DAY_MS = 86_400_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where an archive is made."""
    return f"file://{tmp_path}/archive"


def places(url: str) -> list[tuple[int, int]]:
    """Return partition and offset of each message that is read."""
    return [
        (row["partition"], row["offset"])
        for batch in read_archive(url, "transactions")
        for row in batch.select(["partition", "offset"]).to_pylist()
    ]


def listed(url: str) -> list[ArchiveFile]:
    """Return every file."""
    files = ArchiveFiles(url)
    return sorted(file for day in files.list_days("transactions") for file in files.list_day("transactions", day)[0])


def test_open_files_keep_to_their_bound_together(url: str) -> None:
    """However many partitions there are; the largest is closed before its time, and nothing is lost by it."""
    feeder = Feeder(url, Settings().replace(archive_memory_mib=2, archive_file_s=600.0))
    feeder.claim(*range(12))
    sizes, counts = [], []
    for _ in range(10):
        for partition in range(12):
            feeder.feed([os.urandom(1000)] * 20 * (partition + 1), partition=partition)
            sizes.append(sum(feeder.pipeline.open_bytes.values()))
            counts.append(feeder.pipeline.open_messages)
    assert max(sizes) <= 2 * MIB
    assert max(sizes) > MIB, "it was never near the bound: this proves nothing"
    feeder.pipeline.close_all()
    feeder.budget.enforce()
    assert feeder.pipeline.open_bytes == {}
    assert places(url) == [(partition, n) for partition in range(12) for n in range(200 * (partition + 1))]
    feeder.stop.assert_not_called()


def test_a_file_is_closed_at_its_size(url: str) -> None:
    """Give or take one message."""
    feeder = Feeder(url, Settings().replace(archive_file_mib=1, archive_file_s=600.0))
    feeder.claim(0)
    for _ in range(6):
        feeder.feed([os.urandom(2000)] * 200)
    assert len(listed(url)) == 2
    assert all(file.end - file.first == -(-MIB // (2001 + open_file.ROW_BYTES)) for file in listed(url))


@pytest.mark.parametrize("size", [0, 100, 2000])
def test_an_open_file_says_no_less_than_it_takes(size: int) -> None:
    """As Python counts: the bound on memory is worth what this figure is."""
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
    assert file.file_bytes < open_file.GROUP_BYTES, "some of it is compressed already"
    assert taken + sum(map(len, values)) <= file.file_bytes  # the values were there before; a file holds on to them


def test_a_file_is_closed_when_its_time_has_come(url: str) -> None:
    """Not before, and however small."""
    feeder = Feeder(url, Settings().replace(archive_file_s=0.2))
    feeder.claim(0)
    feeder.feed([b"{}"])
    feeder.pipeline.close_due()
    assert listed(url) == []
    threading.Event().wait(0.25)
    feeder.pipeline.close_due()
    assert listed(url) == [ArchiveFile.from_range(0, 0, 1, TODAY)]


def test_a_file_ends_where_the_date_does(url: str) -> None:
    """By Kafka's timestamps in UTC. One that is late by a little does not open yesterday again."""
    feeder = Feeder(url)
    feeder.clock.ms = BASE_MS + 2 * DAY_MS
    feeder.claim(0)
    feeder.feed([b"1", b"2"], sent_ms=BASE_MS + DAY_MS - 1)
    feeder.feed([b"3"], sent_ms=BASE_MS + DAY_MS)
    feeder.feed([b"4"], sent_ms=BASE_MS + DAY_MS - 1)
    feeder.pipeline.close_all()
    assert listed(url) == [
        ArchiveFile.from_range(0, 0, 2, TODAY),
        ArchiveFile.from_range(0, 2, 4, TODAY + timedelta(1)),
    ]


def test_dates_never_go_back_over_a_restart(url: str) -> None:
    """Or the last file would not be in the newest folder, and its messages would be archived again at each start."""
    feeder = Feeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    feeder.pipeline.close_all()
    feeder.claim(0)
    feeder.feed([b"2"], sent_ms=BASE_MS - 5 * DAY_MS)
    feeder.pipeline.close_all()
    feeder.claim(0)
    assert feeder.next == {0: 2}
    assert {file.day for file in listed(url)} == {TODAY}


@pytest.mark.parametrize("sent_ms", [2**62, BASE_MS + 400 * DAY_MS])
def test_a_clock_that_is_years_ahead_takes_no_partition_there(url: str, sent_ms: int) -> None:
    """Nor do senders whose clocks differ make a file of each message."""
    feeder = Feeder(url)
    feeder.claim(0)
    for _ in range(50):
        feeder.feed([b"1"], sent_ms=sent_ms)
        feeder.feed([b"2"], sent_ms=-1)
    feeder.pipeline.close_all()
    assert listed(url) == [ArchiveFile.from_range(0, 0, 100, TODAY)]


def test_what_is_in_no_file_when_partitions_move_is_read_again(url: str) -> None:
    """Open files are dropped, whether a batch comes or only their time; a stale batch is not even taken up."""
    feeder = Feeder(url, Settings().replace(archive_file_s=0.01))
    feeder.claim(0, 1)
    feeder.feed([b"1", b"2"])
    stale = feeder.batch([b"3"])
    feeder.source.epoch += 1
    feeder.pipeline.process(stale)
    threading.Event().wait(0.02)
    feeder.pipeline.close_due()
    assert listed(url) == []
    assert feeder.pipeline.open_bytes == {}
    feeder.claim(0, 1)
    assert feeder.next == {0: 0, 1: 0}
    feeder.feed([b"1", b"2", b"3"])
    feeder.claim(0)
    feeder.feed([b"1", b"2", b"3"])
    feeder.pipeline.close_all()
    assert places(url) == [(0, 0), (0, 1), (0, 2)]
    assert feeder.source.failures == 0


def test_a_batch_that_leaves_a_hole_is_refused(url: str) -> None:
    """A file must hold all that its name says; it is begun anew instead."""
    feeder = Feeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    feeder.next[0] = 5
    feeder.feed([b"6"])
    assert feeder.source.failures == 1
    assert feeder.pipeline.open_bytes == {}
    feeder.stop.assert_not_called()


def test_whatever_else_goes_wrong_ends_the_program_and_writes_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going on would leave a hole."""
    feeder = Feeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    wrong = ValueError("not foreseen")

    def fail(*_: object) -> None:
        raise wrong

    monkeypatch.setattr(OpenFile, "close", fail)
    feeder.pipeline.close_all()
    feeder.stop.assert_called_once_with(wrong)
    assert feeder.source.failures == 1
    assert listed(url) == []


def test_a_file_system_that_is_away_is_asked_again_until_it_answers(url: str, tmp_path: Path) -> None:
    """Meanwhile the outage is known, and nothing else is done."""
    feeder = Feeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    (tmp_path / "archive").rename(tmp_path / "away")
    closing = threading.Thread(target=feeder.pipeline.close_all)
    closing.start()
    until(lambda: feeder.outage.active)
    (tmp_path / "away").rename(tmp_path / "archive")
    closing.join(10)
    assert not feeder.outage.active
    assert places(url) == [(0, 0)]


@pytest.mark.parametrize("why", ["moved", "stopped"])
def test_waiting_for_a_file_system_ends_when_it_is_of_no_use(url: str, tmp_path: Path, why: str) -> None:
    """The partition has moved, or the program stops: the messages will be read again."""
    feeder = Feeder(url)
    feeder.claim(0)
    feeder.feed([b"1"])
    (tmp_path / "archive").rename(tmp_path / "away")
    closing = threading.Thread(target=feeder.pipeline.close_all)
    closing.start()
    until(lambda: feeder.outage.active)
    if why == "moved":
        feeder.source.epoch += 1
    else:
        feeder.writer.stop()
    closing.join(10)
    assert not closing.is_alive()
    assert feeder.pipeline.open_bytes == {}
    assert not (tmp_path / "archive").exists()
    feeder.stop.assert_not_called()

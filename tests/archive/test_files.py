"""How files come to be there, whole or not at all, and where reading goes on by what is there."""

import contextlib
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from schemas.errors import ArchiveUnavailableError
from stream.archive.files import ArchiveFiles
from stream.archive.layout import ArchiveFile, utc_day
from stream.archive.store import ArchiveStore
from stream.runtime.outage import Outage
from tests.support.records import BASE_MS

DAY = utc_day(BASE_MS)


class Ftp(DirFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Stands in for a file system that is neither local nor an object store: a folder, by its plain methods alone."""

    protocol = "ftp-like"


@pytest.fixture(params=["file", "memory", "other"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArchiveFiles]:
    """An archive on a local disk, in what puts objects whole as S3 does, and on what can only write and move."""
    name = uuid.uuid4().hex
    with contextlib.ExitStack() as cleaning:
        if request.param == "memory":
            made = ArchiveFiles(f"memory://{name}")
            cleaning.callback(fsspec.filesystem("memory").rm, f"/{name}", recursive=True)
        else:
            made = ArchiveFiles(f"file://{tmp_path}/archive")
            if request.param == "other":
                made._files, made._root = Ftp(str(tmp_path), LocalFileSystem()), "archive"
        made.create()
        yield made


def store_of(files: ArchiveFiles) -> ArchiveStore:
    """Return what a program would ask where to read on."""
    return ArchiveStore(files, {"labels-topic": "labels"}, Outage("the archive"))


def put(files: ArchiveFiles, first: int, following: int, *, days: int = 0, partition: int = 0) -> ArchiveFile:
    """Put a file of no content."""
    file = ArchiveFile.from_range(partition, first, following, DAY + timedelta(days))
    files.put("labels", file, memoryview(b"%d" % first))
    return file


def test_what_is_put_is_there_whole_and_stays_as_it_is(files: ArchiveFiles) -> None:
    """A second one of its name changes nothing, for somebody may be reading it."""
    file = put(files, 0, 5)
    files.put("labels", file, memoryview(b"other"))
    assert files.list_day("labels", DAY) == ([file], [])
    assert files.list_days("labels") == [DAY]
    with files.open("labels", file) as opened:
        assert opened.read() == b"0"


def test_reading_goes_on_where_the_newest_file_ends(files: ArchiveFiles) -> None:
    """Of the newest folder with one of the partition's; of overlapping ones, the one that reaches farthest."""
    put(files, 0, 50)
    put(files, 50, 80, days=1)
    put(files, 60, 70, days=1)
    put(files, 0, 7, partition=1)
    put(files, 7, 9, partition=2, days=3)
    store = store_of(files)
    claims = store.claim("labels-topic", [0, 1, 2, 3])
    assert {partition: claim.next_offset for partition, claim in claims.items()} == {0: 80, 1: 7, 2: 9, 3: 0}
    assert store.newest_day("labels-topic", 0) == DAY + timedelta(1)
    assert store.newest_day("labels-topic", 1) == DAY
    assert store.claim("labels-topic", []) == {}


def test_leftovers_of_claimed_partitions_are_taken_away(tmp_path: Path) -> None:
    """And only those: another's may be under way."""
    files = ArchiveFiles(f"file://{tmp_path}/archive")
    files.create()
    put(files, 0, 5)
    folder = tmp_path / "archive" / "labels" / f"date={DAY}"
    mine, others = folder / ".0-5-9.parquet.ab.tmp", folder / ".1-5-9.parquet.ab.tmp"
    mine.touch()
    others.touch()
    store_of(files).claim("labels-topic", [0])
    assert not mine.exists()
    assert others.exists()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor a leftover; the disk is full, say."""
    files = ArchiveFiles(f"file://{tmp_path}/archive")
    files.create()

    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stream.archive.files.os.fsync", full)
    with pytest.raises(ArchiveUnavailableError, match=r"cannot be written \(.*No space left on device"):
        put(files, 0, 5)
    assert files.list_day("labels", DAY) == ([], [])


@pytest.mark.parametrize("ask", ["put", "claim"])
def test_a_place_without_its_marker_is_no_archive(files: ArchiveFiles, ask: str) -> None:
    """A mount that is gone looks empty; an archive begun anew there would hold everything twice."""
    put(files, 0, 5)
    files._files.rm_file(files._at("archive.json"))
    with pytest.raises(ArchiveUnavailableError, match="no archive at"):
        put(files, 5, 9) if ask == "put" else store_of(files).claim("labels-topic", [0])


@pytest.mark.parametrize("back", [False, True], ids=["stays away", "is back at once"])
def test_a_mount_that_goes_under_a_write_has_not_taken_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    """The file lies in what stood in its place, so it must be put again."""
    folder, away = tmp_path / "archive", tmp_path / "away"
    files = ArchiveFiles(f"file://{folder}")
    files.create()
    write = files._write

    def gone(path: str, content: bytes | memoryview) -> None:
        folder.rename(away)
        write(path, content)
        if back:
            folder.rename(tmp_path / "stray")
            away.rename(folder)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_write", gone)
        with pytest.raises(ArchiveUnavailableError, match="went away while" if back else "no archive at"):
            put(files, 0, 5)
    if not back:
        folder.rename(tmp_path / "stray")
        away.rename(folder)
    file = put(files, 0, 5)
    assert files.list_day("labels", DAY) == ([file], [])


def test_an_archive_is_made_once(files: ArchiveFiles) -> None:
    """A second start finds it."""
    put(files, 0, 5)
    files.create()
    assert files.list_days("labels") == [DAY]

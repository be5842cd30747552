"""Files are written completely or not at all, and reading resumes after the last archived message."""

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


class RemoteFileSystem(DirFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A file system that is neither local nor an object store, simulated by a folder."""

    protocol = "ftp-like"


@pytest.fixture(params=["local", "object_store", "remote"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArchiveFiles]:
    """An archive on a local disk, in a store with atomic puts like S3, and on a file system that can only move."""
    name = uuid.uuid4().hex
    with contextlib.ExitStack() as cleaning:
        if request.param == "object_store":
            archive = ArchiveFiles(f"memory://{name}")
            cleaning.callback(fsspec.filesystem("memory").rm, f"/{name}", recursive=True)
        else:
            archive = ArchiveFiles(f"file://{tmp_path}/archive")
            if request.param == "remote":
                archive._files, archive._root = RemoteFileSystem(str(tmp_path), LocalFileSystem()), "archive"
        archive.create()
        yield archive


def store_of(files: ArchiveFiles) -> ArchiveStore:
    """Return a store for the labels topic in this archive; its `claim` returns the offsets at which to resume."""
    return ArchiveStore(files, {"labels-topic": "labels"}, Outage("the archive"))


def put(files: ArchiveFiles, first: int, end: int, *, days: int = 0, partition: int = 0) -> ArchiveFile:
    """Write a file with placeholder content to the archive."""
    file = ArchiveFile.from_range(partition, first, end, DAY + timedelta(days))
    files.put("labels", file, memoryview(b"%d" % first))
    return file


def test_a_file_is_written_once(files: ArchiveFiles) -> None:
    """Writing a file of the same name again changes nothing, because a reader may have the file open."""
    file = put(files, 0, 5)
    files.put("labels", file, memoryview(b"other"))
    assert files.list_day("labels", DAY) == ([file], [])
    assert files.list_days("labels") == [DAY]
    with files.open("labels", file) as opened:
        assert opened.read() == b"0"


def test_reading_continues_where_the_newest_file_ends(files: ArchiveFiles) -> None:
    """Reading resumes at the highest end offset of the partition's files in the newest folder that has any."""
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


def test_temporary_files_of_claimed_partitions_are_removed(tmp_path: Path) -> None:
    """Claiming a partition removes its temporary files, but not those of other partitions, which may be in use."""
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
    """After a failed write, on a full disk for example, neither a file nor a temporary file remains."""
    files = ArchiveFiles(f"file://{tmp_path}/archive")
    files.create()

    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stream.archive.files.os.fsync", full)
    with pytest.raises(ArchiveUnavailableError, match=r"cannot write archive .* \(.*No space left on device"):
        put(files, 0, 5)
    assert files.list_day("labels", DAY) == ([], [])


@pytest.mark.parametrize("action", ["put", "claim"])
def test_a_folder_without_the_marker_is_not_an_archive(files: ArchiveFiles, action: str) -> None:
    """A folder without the marker is rejected, because a lost mount looks the same."""
    put(files, 0, 5)
    files._files.rm_file(files._at("archive.json"))
    with pytest.raises(ArchiveUnavailableError, match="no archive at"):
        put(files, 5, 9) if action == "put" else store_of(files).claim("labels-topic", [0])


@pytest.mark.parametrize("back", [False, True], ids=["stays away", "is back at once"])
def test_a_file_written_while_the_mount_is_lost_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    """A file that went into the folder beneath a lost mount does not count, so it must be written again."""
    folder, away = tmp_path / "archive", tmp_path / "away"
    files = ArchiveFiles(f"file://{folder}")
    files.create()
    write = files._write

    def lose_mount(path: str, content: bytes | memoryview) -> None:
        folder.rename(away)
        write(path, content)
        if back:
            folder.rename(tmp_path / "stray")
            away.rename(folder)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_write", lose_mount)
        with pytest.raises(ArchiveUnavailableError, match="became unavailable while" if back else "no archive at"):
            put(files, 0, 5)
    if not back:
        folder.rename(tmp_path / "stray")
        away.rename(folder)
    file = put(files, 0, 5)
    assert files.list_day("labels", DAY) == ([file], [])


def test_creating_an_existing_archive_changes_nothing(files: ArchiveFiles) -> None:
    """Creating an archive that already exists, as a second start of the program does, changes nothing."""
    put(files, 0, 5)
    files.create()
    assert files.list_days("labels") == [DAY]

"""Reading the newest messages takes the last files of each partition, each message once."""

from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import ArchiveError, ArchiveUnavailableError
from schemas.messages import encode
from stream.archive import reader
from stream.archive.columns import SCHEMA
from stream.archive.files import ArchiveFiles
from stream.archive.layout import utc_day
from stream.archive.open_file import OpenFile
from stream.archive.reader import read_newest
from tests.support.records import BASE_MS, decision


@pytest.fixture
def url(tmp_path: Path) -> str:
    """URL of an archive without files."""
    url = f"file://{tmp_path}/archive"
    ArchiveFiles(url).create()
    return url


def put(url: str, first: int, end: int, *, partition: int = 0, day: int = 0) -> None:
    """Write a file of decisions, numbered by their offsets."""
    file = OpenFile("decisions", partition, first, utc_day(BASE_MS + day * 86_400_000))
    for number in range(first, end):
        file.add(number, BASE_MS, b"k", encode(decision(number)))
    ArchiveFiles(url).put("decisions", file.name, file.close())


def offsets(url: str, rows: int) -> dict[int, list[int]]:
    """Return the offsets that the reader yields, by partition."""
    table = pa.Table.from_batches(read_newest(url, "decisions", rows), SCHEMA)
    found: dict[int, list[int]] = {}
    for partition, offset in zip(table["partition"].to_pylist(), table["offset"].to_pylist(), strict=True):
        found.setdefault(partition, []).append(offset)
    return {partition: sorted(each) for partition, each in found.items()}


def test_the_last_files_of_each_partition_are_enough(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older files are not opened, so the age of an archive does not matter."""
    for first, day in ((0, 0), (10, 0), (20, 1)):
        put(url, first, first + 10, day=day)
    put(url, 0, 5, partition=1)
    opened = []
    read_file = reader._read_file

    def count(files: object, kind: object, file: object, *bounds: object) -> object:
        opened.append(file)
        return read_file(files, kind, file, *bounds)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "_read_file", count)
    assert offsets(url, 12) == {0: list(range(10, 30)), 1: list(range(5))}
    assert len(opened) == 3


def test_all_messages_if_there_are_fewer(url: str) -> None:
    """An archive smaller than the request is read whole."""
    put(url, 0, 10)
    put(url, 10, 20)
    assert offsets(url, 100) == {0: list(range(20))}


def test_a_message_in_two_files_is_read_once(url: str) -> None:
    """A writer that takes over may write a range again."""
    put(url, 0, 10)
    put(url, 5, 15)
    assert offsets(url, 6) == {0: list(range(15))}


def test_errors_are_those_of_the_reader(tmp_path: Path, url: str) -> None:
    """An unknown kind and a missing archive are errors; an empty archive is not."""
    assert offsets(url, 10) == {}
    with pytest.raises(ArchiveError, match="is not archived"):
        list(read_newest(url, "letters", 10))
    with pytest.raises(ArchiveUnavailableError, match="there is no archive at"):
        list(read_newest(f"file://{tmp_path}/none", "decisions", 10))

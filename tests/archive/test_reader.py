"""Reading an archive yields each message once, in order and within the bounds; errors say what to do."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import ArchiveError, ArchiveUnavailableError
from schemas.messages import encode
from stream.archive import open_file
from stream.archive.columns import SCHEMA
from stream.archive.files import ArchiveFiles
from stream.archive.layout import utc_day
from stream.archive.open_file import OpenFile
from stream.archive.reader import read_archive
from tests.support.records import BASE_MS, decision, label

DAY = utc_day(BASE_MS)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """URL of an archive without files."""
    url = f"file://{tmp_path}/archive"
    ArchiveFiles(url).create()
    return url


def put(url: str, kind: str, offsets: Sequence[int], *, partition: int = 0) -> None:
    """Write a file of decisions or labels, numbered by their offsets."""
    file = OpenFile(kind, partition, offsets[0], DAY)
    for number in offsets:
        message = label(number, event_time_ms=BASE_MS + number * 1000) if kind == "labels" else decision(number)
        file.add(number, BASE_MS, b"k%d" % number, encode(message))
    ArchiveFiles(url).put(kind, file.name, file.close())


def read(url: str, kind: str, since_ms: int | None = None, until_ms: int | None = None) -> pa.Table:
    """Return everything that the reader yields, as one table."""
    return pa.Table.from_batches(read_archive(url, kind, since_ms=since_ms, until_ms=until_ms), SCHEMA)


@pytest.mark.parametrize("kind", ["decisions", "labels"])
def test_messages_come_back_byte_for_byte(url: str, kind: str) -> None:
    """Each message is read unchanged, with its offset and the columns to filter by."""
    put(url, kind, range(5))
    table = read(url, kind)
    assert table.schema == SCHEMA
    assert table["offset"].to_pylist() == list(range(5))
    assert table["key"].to_pylist() == [b"k0", b"k1", b"k2", b"k3", b"k4"]
    assert table["transaction_id"].to_pylist() == ["t0", "t1", "t2", "t3", "t4"]
    assert table["event_time_ms"].to_pylist() == [BASE_MS + n * 1000 for n in range(5)]
    if kind == "decisions":
        assert table["value"].to_pylist() == [encode(decision(n)) for n in range(5)]
        assert table["card_id"].to_pylist() == [f"card-{n}" for n in range(5)]
    else:
        assert table["card_id"].null_count == 5


def test_overlapping_files_give_each_message_once(url: str) -> None:
    """Each message is read once, although one of the files spans the end of another and one repeats two others."""
    for offsets in (range(10), range(10, 20), range(5, 25), range(20)):
        put(url, "decisions", offsets)
    put(url, "decisions", range(3), partition=1)
    table = read(url, "decisions")
    assert table["partition"].to_pylist() == [0] * 25 + [1] * 3
    assert table["offset"].to_pylist() == [*range(25), *range(3)]


def test_messages_are_selected_by_event_time(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Bounds on event time include the lower and exclude the upper one; row groups outside them are not even read."""
    monkeypatch.setattr(open_file, "GROUP_BYTES", 10 * (open_file.ROW_BYTES + 700))
    put(url, "decisions", range(100))
    assert read(url, "decisions", BASE_MS + 40_000, BASE_MS + 60_000)["offset"].to_pylist() == list(range(40, 60))
    assert read(url, "decisions", until_ms=BASE_MS)["offset"].to_pylist() == []
    assert read(url, "decisions", BASE_MS + 99_000)["offset"].to_pylist() == [99]
    (file,) = tmp_path.rglob("0-*.parquet")
    content = bytearray(file.read_bytes())
    content[4:1000] = bytes(996)  # corrupts the first row group
    file.write_bytes(content)
    assert read(url, "decisions", BASE_MS + 90_000).num_rows == 10
    with pytest.raises(ArchiveError, match=r"cannot read .*0-0-100.parquet \(.*\); restore the file or move it away"):
        read(url, "decisions")


def test_undecodable_messages_are_read_only_without_bounds(url: str) -> None:
    """Undecodable messages have no event time, so they are returned only if no bounds are given."""
    file = OpenFile("transactions", 0, 0, DAY)
    invalid = (None, b"", b"not json", b"\xff", b"[]", b"{}", b'{"transaction_id": "t", "card_id": "c"}')
    out_of_range = tuple(
        json.dumps({"transaction_id": "t", "card_id": "c", "event_time_ms": 5} | each).encode()
        for each in ({"event_time_ms": 2**70}, {"event_time_ms": -1}, {"card_id": "x" * 129}, {"card_id": "\ud800"})
    )
    for offset, value in enumerate(invalid + out_of_range):
        file.add(offset, BASE_MS, None, value)
    ArchiveFiles(url).put("transactions", file.name, file.close())
    table = read(url, "transactions")
    assert table["value"].to_pylist() == [*invalid, *out_of_range]
    assert {table[name].null_count for name in ("key", "transaction_id", "card_id", "event_time_ms")} == {11}
    assert file.undecodable == 11
    assert read(url, "transactions", since_ms=0).num_rows == 0


def test_a_kind_without_files_is_empty(url: str) -> None:
    """Reading labels before any have been archived yields no rows."""
    assert read(url, "labels").num_rows == 0


def test_temporary_and_other_files_are_ignored(url: str, tmp_path: Path) -> None:
    """A partly written file is not read, nor are files and folders of other programs."""
    put(url, "decisions", range(5))
    (file,) = tmp_path.rglob("0-0-5.parquet")
    (file.parent / ".0-5-9.parquet.ab12.tmp").write_bytes(file.read_bytes()[:50])
    (file.parent / "notes.txt").touch()
    (file.parent.parent / "date=soon").mkdir()
    assert read(url, "decisions").num_rows == 5


def test_files_written_while_reading_change_nothing(url: str) -> None:
    """Files written later are ignored, because a reader lists the files once, when it begins."""
    put(url, "decisions", range(5))
    put(url, "decisions", range(5, 10))
    batches = read_archive(url, "decisions")
    offsets = next(batches)["offset"].to_pylist()
    put(url, "decisions", range(12))
    for batch in batches:
        offsets += batch["offset"].to_pylist()
    assert offsets == list(range(10))


def test_a_missing_archive_is_an_error(tmp_path: Path) -> None:
    """A missing archive is an error, so that a mistyped URL does not look like an empty topic."""
    with pytest.raises(ArchiveUnavailableError, match=r"no archive at .*; restore it, or check FRAUD_ARCHIVE_URL"):
        read(f"file://{tmp_path}/elsewhere", "labels")


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        (b'{"format_version": 2}', "has format version 2, but this program supports 1; upgrade this program"),
        (b"[]", "was not written by an archive"),
        (b"\xff", "was not written by an archive"),
    ],
)
def test_an_archive_of_another_format_is_refused(url: str, tmp_path: Path, marker: bytes, message: str) -> None:
    """An archive whose marker names another format is rejected."""
    (tmp_path / "archive" / "archive.json").write_bytes(marker)
    with pytest.raises(ArchiveError, match=message):
        read(url, "labels")


def test_only_four_kinds_are_archived(url: str) -> None:
    """Reading a kind of message that is not archived raises an error that lists the four archived kinds."""
    with pytest.raises(ArchiveError, match="'alerts' is not archived; choose one of transactions, transactions-http"):
        read(url, "alerts")


@pytest.mark.parametrize("url", ["nowhere://x", "s4://bucket"])
def test_an_unknown_file_system_is_one_error(url: str) -> None:
    """A URL with an unknown file system causes a one-line error that names the setting."""
    with pytest.raises(
        ArchiveError, match=r"cannot open archive .*; set FRAUD_ARCHIVE_URL, or install the package for its file system"
    ):
        read(url, "labels")


def test_a_file_that_disappears_while_reading_is_an_outage(url: str, tmp_path: Path) -> None:
    """A file that was listed but cannot be opened is an outage: there is no broken file to restore."""
    put(url, "decisions", range(3))
    put(url, "decisions", range(3), partition=1)
    batches = read_archive(url, "decisions")
    assert next(batches).num_rows == 3
    shutil.rmtree(tmp_path / "archive" / "decisions")
    with pytest.raises(ArchiveUnavailableError, match="cannot read archive"):
        next(batches)

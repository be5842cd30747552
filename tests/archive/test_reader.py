"""What a reader gets from an archive: each message once, in order, within its bounds, and one line for each trouble."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import ArchiveUnavailableError, ArchiveError
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
    """An archive without files."""
    url = f"file://{tmp_path}/archive"
    ArchiveFiles(url).create()
    return url


def put(url: str, kind: str, offsets: Sequence[int], *, partition: int = 0) -> None:
    """Write decisions or labels of these numbers at these offsets as one file."""
    file = OpenFile(kind, partition, offsets[0], DAY)
    for number in offsets:
        message = label(number, event_time_ms=BASE_MS + number * 1000) if kind == "labels" else decision(number)
        file.add(number, BASE_MS, b"k%d" % number, encode(message))
    ArchiveFiles(url).put(kind, file.name, file.close())


def read(url: str, kind: str, since_ms: int | None = None, until_ms: int | None = None) -> pa.Table:
    """Return everything at once."""
    return pa.Table.from_batches(read_archive(url, kind, since_ms=since_ms, until_ms=until_ms), SCHEMA)


@pytest.mark.parametrize("kind", ["decisions", "labels"])
def test_messages_come_back_byte_for_byte(url: str, kind: str) -> None:
    """With their places, and the columns to filter by."""
    put(url, kind, range(5))
    found = read(url, kind)
    assert found.schema == SCHEMA
    assert found["offset"].to_pylist() == list(range(5))
    assert found["key"].to_pylist() == [b"k0", b"k1", b"k2", b"k3", b"k4"]
    assert found["transaction_id"].to_pylist() == ["t0", "t1", "t2", "t3", "t4"]
    assert found["event_time_ms"].to_pylist() == [BASE_MS + n * 1000 for n in range(5)]
    if kind == "decisions":
        assert found["value"].to_pylist() == [encode(decision(n)) for n in range(5)]
        assert found["card_id"].to_pylist() == [f"card-{n}" for n in range(5)]
    else:
        assert found["card_id"].null_count == 5


def test_files_that_overlap_give_each_message_once(url: str) -> None:
    """A second owner began within the first one's file, and a third wrote all of it again."""
    for offsets in (range(10), range(10, 20), range(5, 25), range(20)):
        put(url, "decisions", offsets)
    put(url, "decisions", range(3), partition=1)
    found = read(url, "decisions")
    assert found["partition"].to_pylist() == [0] * 25 + [1] * 3
    assert found["offset"].to_pylist() == [*range(25), *range(3)]


def test_event_times_bound_what_is_read_from_before_to_until(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first bound belongs to it, the second does not; row groups outside are not even read."""
    monkeypatch.setattr(open_file, "GROUP_BYTES", 10 * (open_file.ROW_BYTES + 700))
    put(url, "decisions", range(100))
    assert read(url, "decisions", BASE_MS + 40_000, BASE_MS + 60_000)["offset"].to_pylist() == list(range(40, 60))
    assert read(url, "decisions", until_ms=BASE_MS)["offset"].to_pylist() == []
    assert read(url, "decisions", BASE_MS + 99_000)["offset"].to_pylist() == [99]
    (file,) = tmp_path.rglob("0-*.parquet")
    content = bytearray(file.read_bytes())
    content[4:1000] = bytes(996)  # the first row group cannot be read any more
    file.write_bytes(content)
    assert read(url, "decisions", BASE_MS + 90_000).num_rows == 10
    with pytest.raises(ArchiveError, match=r"0-0-100.parquet cannot be read \(.*\); put it back or away"):
        read(url, "decisions")


def test_what_cannot_be_decoded_is_there_without_bounds_and_not_within(url: str) -> None:
    """It has no event time, so no bounds hold it."""
    file = OpenFile("transactions", 0, 0, DAY)
    bad = (None, b"", b"not json", b"\xff", b"[]", b"{}", b'{"transaction_id": "t", "card_id": "c"}')
    odd = tuple(
        json.dumps({"transaction_id": "t", "card_id": "c", "event_time_ms": 5} | each).encode()
        for each in ({"event_time_ms": 2**70}, {"event_time_ms": -1}, {"card_id": "x" * 129}, {"card_id": "\ud800"})
    )
    for offset, value in enumerate(bad + odd):
        file.add(offset, BASE_MS, None, value)
    ArchiveFiles(url).put("transactions", file.name, file.close())
    found = read(url, "transactions")
    assert found["value"].to_pylist() == [*bad, *odd]
    assert {found[name].null_count for name in ("key", "transaction_id", "card_id", "event_time_ms")} == {11}
    assert file.undecodable == 11
    assert read(url, "transactions", since_ms=0).num_rows == 0


def test_a_kind_without_files_gives_nothing(url: str) -> None:
    """The archive is there, labels are yet to come."""
    assert read(url, "labels").num_rows == 0


def test_leftovers_and_files_of_others_are_not_read(url: str, tmp_path: Path) -> None:
    """Half of a file under its temporary name, and whatever else lies about."""
    put(url, "decisions", range(5))
    (file,) = tmp_path.rglob("0-0-5.parquet")
    (file.parent / ".0-5-9.parquet.ab12.tmp").write_bytes(file.read_bytes()[:50])
    (file.parent / "notes.txt").touch()
    (file.parent.parent / "date=soon").mkdir()
    assert read(url, "decisions").num_rows == 5


def test_files_that_come_while_one_reads_change_nothing(url: str) -> None:
    """A reader reads what was there when it began."""
    put(url, "decisions", range(5))
    put(url, "decisions", range(5, 10))
    batches = read_archive(url, "decisions")
    offsets = next(batches)["offset"].to_pylist()
    put(url, "decisions", range(12))
    for batch in batches:
        offsets += batch["offset"].to_pylist()
    assert offsets == list(range(10))


def test_no_archive_is_one_line_not_an_empty_one(tmp_path: Path) -> None:
    """A mistyped URL must not look like a quiet topic."""
    with pytest.raises(ArchiveUnavailableError, match=r"no archive at .*; bring it back, or see to FRAUD_ARCHIVE_URL"):
        read(f"file://{tmp_path}/elsewhere", "labels")


@pytest.mark.parametrize(
    ("marker", "line"),
    [
        (b'{"format_version": 2}', "has format version 2, this program knows 1; upgrade it"),
        (b"[]", "is no archive's"),
        (b"\xff", "is no archive's"),
    ],
)
def test_an_archive_of_a_newer_program_is_not_guessed_at(url: str, tmp_path: Path, marker: bytes, line: str) -> None:
    """The format version says who may read."""
    (tmp_path / "archive" / "archive.json").write_bytes(marker)
    with pytest.raises(ArchiveError, match=line):
        read(url, "labels")


def test_only_four_kinds_are_archived(url: str) -> None:
    """Another one is a mistake of the caller's."""
    with pytest.raises(ArchiveError, match="'alerts' is not archived; name one of transactions, transactions-http"):
        read(url, "alerts")


@pytest.mark.parametrize("url", ["nowhere://x", "s4://bucket"])
def test_a_file_system_that_is_not_known_is_one_line(url: str) -> None:
    """It names the setting."""
    with pytest.raises(ArchiveError, match=r"cannot be opened .*; set FRAUD_ARCHIVE_URL, or install its file system"):
        read(url, "labels")

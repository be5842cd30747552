"""The archive's file names, and the rule by which a reader gets each message exactly once from overlapping files."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.archive.layout import (
    ArchiveFile,
    folder,
    parse_file,
    parse_folder,
    parse_temporary,
    plan_reads,
    utc_day,
)

DAY = date(2026, 11, 26)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[ArchiveFile], dict[int, set[int]]]:
    """Draw files from several writers, some with an outdated listing, and the written offsets by partition.

    Each file begins at offset 0 or at the first message at or after the end of some earlier file, because its writer's
    listing, however old, ended there.
    """
    files: list[ArchiveFile] = []
    messages: dict[int, set[int]] = {}
    for partition in range(draw(st.integers(1, 3))):
        # Transaction markers occupy offsets at which there is no message.
        offsets = sorted(draw(st.sets(st.integers(0, 60), min_size=1, max_size=40)))
        ends = [0]
        written: set[int] = set()
        for _ in range(draw(st.integers(1, 12))):
            seen_end = draw(st.sampled_from(ends))
            left = [offset for offset in offsets if offset >= seen_end]
            if not left:
                continue
            taken = left[: draw(st.integers(1, len(left)))]
            files.append(ArchiveFile.from_range(partition, taken[0], taken[-1] + 1, DAY))
            ends.append(taken[-1] + 1)
            written.update(taken)
        messages[partition] = written
    return draw(st.permutations(files)), messages


@given(histories())
def test_each_message_is_read_once_and_in_order(
    history: tuple[list[ArchiveFile], dict[int, set[int]]],
) -> None:
    """Each message is read once and in order even if writers with an outdated listing wrote ranges again."""
    files, messages = history
    read = [
        (file.partition, offset)
        for file, start in plan_reads(files)
        for offset in sorted(messages[file.partition])
        if start <= offset < file.end
    ]
    assert read == [(partition, offset) for partition, offsets in messages.items() for offset in sorted(offsets)]


@given(histories())
def test_no_file_is_read_in_vain(history: tuple[list[ArchiveFile], dict[int, set[int]]]) -> None:
    """Every file in a read plan contributes at least one message."""
    assert all(file.first <= start < file.end for file, start in plan_reads(history[0]))


def test_of_files_with_the_same_start_only_the_longest_is_read() -> None:
    """Of several files that start at the same offset, only the longest is read."""
    short, long = ArchiveFile.from_range(0, 0, 5, DAY), ArchiveFile.from_range(0, 0, 9, DAY)
    assert list(plan_reads([short, long])) == [(long, 0)]


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**62), st.integers(1, 2**62), st.dates())
def test_names_can_be_parsed(partition: int, first: int, count: int, day: date) -> None:
    """Parsing the path of an archive file returns the partition, offsets and date that it was made from."""
    file = ArchiveFile.from_range(partition, first, first + count, day)
    directory, name = file.path.split("/")
    assert parse_folder(directory) == day
    assert directory == folder(day)
    assert parse_file(name, day) == file
    assert parse_temporary(f".{name}.0123abcd.tmp") == partition


@pytest.mark.parametrize(
    "name",
    [
        "archive.json",
        "0-1-1.parquet",
        "0-2-1.parquet",
        "0--1-1.parquet",
        "0-0-5.parquet.tmp",
        ".0-0-5.parquet.ab.tmp",
        "0-0-5.parquet.crc",
        "0-0-5.PARQUET",
        "a0-0-5.parquet",
        "0-0.parquet",
        "",
    ],
)
def test_other_names_are_not_files(name: str) -> None:
    """Names of temporary files and of other programs' files are not parsed as archive files."""
    assert parse_file(name, DAY) is None


@pytest.mark.parametrize("name", ["0-0-5.parquet", ".0-0-5.parquet.ab", ".0-0.parquet.ab.tmp", ".tmp", "notes.tmp"])
def test_other_names_are_not_temporary(name: str) -> None:
    """Only names that a writer gives to unfinished files are parsed as temporary files."""
    assert parse_temporary(name) is None


@pytest.mark.parametrize("name", ["date=2026-13-01", "date=2026-1-1", "2026-01-01", "date=", ""])
def test_other_names_are_not_folders(name: str) -> None:
    """Names of other programs' folders are not parsed as folders of the archive."""
    assert parse_folder(name) is None


@pytest.mark.parametrize(
    ("timestamp_ms", "day"),
    [
        (0, date(1970, 1, 1)),
        (86_399_999, date(1970, 1, 1)),
        (86_400_000, date(1970, 1, 2)),
        (-1, date(1970, 1, 1)),
        (2**62, date(9999, 12, 31)),
    ],
)
def test_any_timestamp_has_a_utc_date(timestamp_ms: int, day: date) -> None:
    """Impossible timestamps are clipped, because Kafka accepts any number as a timestamp."""
    assert utc_day(timestamp_ms) == day

"""The archive as a process on a real Kafka: the files it writes, where it resumes reading, and how it ends."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import ArchiveError, KafkaError, SettingsError
from stream.archive.files import ArchiveFiles
from stream.archive.layout import ArchiveFile, utc_day
from stream.archive.program import run_archive
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.archive_process import ArchiveProcess, files_of, overlaps, reconcile_archive
from tests.support.ledger_traffic import send_history
from tests.support.records import BASE_MS
from tests.support.topics import produce_all
from tests.support.until import until

StartArchive = Callable[[Settings], ArchiveProcess]
ArchiveSettings = Callable[..., Settings]

#: Message values that are not valid.
INVALID = (None, b"", b"not json", b"\xff\xfe", b"[]", b"{}")


def test_every_message_is_archived_unchanged_and_a_restart_reads_on(
    archive_settings: ArchiveSettings, start_archive: StartArchive
) -> None:
    """Invalid messages are archived too, and the next archive, in a new group, resumes after the last file."""
    settings = archive_settings(archive_file_s=600.0)
    send_history(settings, 1_000)
    produce_all(
        settings.kafka.bootstrap, settings.topic.transactions, [(None, value) for value in INVALID], partition=0
    )
    produce_all(settings.kafka.bootstrap, settings.topic.transactions_http, [(b"card-1", b"decided over HTTP")])
    archive = start_archive(settings)
    archive.wait_ready()
    until(lambda: archive.open_messages() == len(INVALID) + 1 + 1_020 + 120)
    assert archive.metrics()["archive_open_bytes"] > 0
    assert files_of(settings, "decisions") == []
    assert archive.stop() == 0
    assert reconcile_archive(settings) == {
        "transactions": len(INVALID),
        "transactions-http": 1,
        "decisions": 1_020,
        "labels": 120,
    }
    before = {kind: files_of(settings, kind) for kind in ("transactions", "decisions", "labels")}

    other = settings.replace(
        archive_group=f"{settings.archive.group}-2", archive_web_port=free_port(), archive_file_s=0.5
    )
    again = start_archive(other)
    again.wait_ready()
    send_history(settings, 500)
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, [(b"k", b"more")], partition=0)
    again.wait_rows("decisions", 1_530)
    again.wait_rows("labels", 180)
    again.wait_rows("transactions", len(INVALID) + 1)
    metrics = again.metrics()
    assert metrics['archive_rows_total{kind="decisions"}'] == 510
    assert metrics['archive_rows_total{kind="transactions"}'] == 1
    assert metrics['archive_undecodable_total{kind="transactions"}'] == 1
    assert metrics['archive_files_total{kind="transactions"}'] == 1
    assert metrics["archive_up"] == 1
    assert again.stop() == 0
    assert reconcile_archive(settings) == {
        "transactions": len(INVALID) + 1,
        "transactions-http": 1,
        "decisions": 1_530,
        "labels": 180,
    }
    for kind, files in before.items():
        assert set(files) <= set(files_of(settings, kind))
        assert overlaps(files_of(settings, kind)) == 0


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nowhere://x", "set FRAUD_ARCHIVE_URL, or install the package for its file system"),
        ("file:///proc/nowhere", "check FRAUD_ARCHIVE_URL"),
    ],
)
def test_an_unusable_url_is_one_error(archive_settings: ArchiveSettings, url: str, message: str) -> None:
    """An unusable URL causes a one-line error that names the setting to change."""
    with pytest.raises(ArchiveError, match=message):
        asyncio.run(run_archive(archive_settings(archive_url=url)))


def test_an_archive_of_a_newer_program_is_not_changed(archive_settings: ArchiveSettings, tmp_path: Path) -> None:
    """An archive with a newer format version is rejected and left unchanged."""
    settings = archive_settings()
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "archive.json").write_text('{"format_version": 2}')
    with pytest.raises(ArchiveError, match="this program supports 1; upgrade this program"):
        asyncio.run(run_archive(settings))


def test_a_port_in_use_is_one_error(archive_settings: ArchiveSettings) -> None:
    """A port in use causes a one-line error that names the archive's own port setting."""
    settings = archive_settings()
    with (
        socket.create_server(("127.0.0.1", settings.archive.web_port)),
        pytest.raises(SettingsError, match=r"set FRAUD_ARCHIVE_WEB_PORT to another port$"),
    ):
        asyncio.run(run_archive(settings))


def test_a_recreated_topic_ends_the_archive(archive_settings: ArchiveSettings) -> None:
    """A recreated topic ends the archive: its offsets start again at 0 and would clash with those already archived."""
    settings = archive_settings()
    files = ArchiveFiles(settings.archive.url)
    files.create()
    for partition in range(settings.topic.partitions):
        files.put("labels", ArchiveFile.from_range(partition, 0, 5_000, utc_day(BASE_MS)), memoryview(b"any content"))
    send_history(settings, 50)
    with pytest.raises(KafkaError, match=r"the topic was recreated; .* or start a new archive$"):
        asyncio.run(run_archive(settings))

"""Every message is archived exactly once even if processes die, freeze or run twice, or the folder vanishes."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.archive.layout import MARKER
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.archive_process import ArchiveProcess, files_of, is_complete, overlaps, reconcile_archive
from tests.support.ledger_traffic import HistoryFeeder, send_history
from tests.support.until import until

StartArchive = Callable[[Settings], ArchiveProcess]
ArchiveSettings = Callable[..., Settings]


def test_sigkills(archive_settings: ArchiveSettings, start_archive: StartArchive, tmp_path: Path) -> None:
    """An archive that is killed and restarted twice mid-stream neither loses nor repeats a message.

    A partly written file is never read, and the next start of the archive removes the file.
    """
    settings = archive_settings(kafka_batch_max=20, archive_file_s=0.3)
    with HistoryFeeder(settings) as feeder:
        archive = start_archive(settings)
        for kill in (1, 2):
            archive.wait_rows("decisions", kill * 500)
            archive.kill()
            file = next(tmp_path.glob("archive/decisions/*/*.parquet"))
            temporary = file.with_name(f".{file.name}.{kill}.tmp")  # as a kill in the middle of writing leaves it
            temporary.write_bytes(file.read_bytes()[:100])
            archive.start()
            archive.wait_ready()
            assert not temporary.exists()
        feeder.stop()
        archive.wait_rows("decisions", feeder.sent + feeder.sent // 50)
    until(lambda: is_complete(settings), 60)
    assert archive.stop() == 0
    assert reconcile_archive(settings)["decisions"] >= feeder.sent
    assert overlaps(files_of(settings, "decisions")) == 0


@pytest.mark.slow
def test_two_archives_in_different_groups(archive_settings: ArchiveSettings, start_archive: StartArchive) -> None:
    """Two archives that read the same partitions write messages twice; readers still return each message once."""
    settings = archive_settings(archive_file_s=0.4)
    twin = settings.replace(
        archive_group=f"{settings.archive.group}-twin", kafka_slot="twin", archive_web_port=free_port()
    )
    with HistoryFeeder(settings) as feeder:
        first, second = start_archive(settings), start_archive(twin)
        until(lambda: overlaps(files_of(settings, "decisions")) > 0, 60)
        second.kill()
        feeder.stop()
    until(lambda: is_complete(settings), 60)
    assert first.stop() == 0
    assert reconcile_archive(settings)["decisions"] >= feeder.sent


@pytest.mark.slow
def test_one_is_frozen_while_another_takes_over(archive_settings: ArchiveSettings, start_archive: StartArchive) -> None:
    """A frozen archive process that wakes after another has taken over its partitions does not repeat any messages."""
    settings, second_settings = archive_settings(archive_file_s=0.5), archive_settings(archive_file_s=0.5)
    with HistoryFeeder(settings) as feeder:
        frozen = start_archive(settings)
        frozen.wait_rows("decisions", 500)
        frozen.freeze()
        second = start_archive(second_settings)
        second.wait_ready()
        second.wait_rows("decisions", feeder.sent + 500)
        frozen.thaw()
        frozen.wait_ready()
        second.wait_ready()
        feeder.stop()
        until(lambda: frozen.lag() + second.lag() == 0, 30)
    assert second.stop() == 0
    frozen.wait_ready()
    until(lambda: is_complete(settings), 60)
    assert frozen.stop() == 0
    assert reconcile_archive(settings)["decisions"] >= feeder.sent


@pytest.mark.slow
def test_the_folder_vanishes_and_comes_back(
    archive_settings: ArchiveSettings, start_archive: StartArchive, tmp_path: Path
) -> None:
    """While the archive's folder is lost and looks empty, no new archive is created there, and no message is lost."""
    settings = archive_settings()
    folder, away = tmp_path / "archive", tmp_path / "away"
    with HistoryFeeder(settings) as feeder:
        archive = start_archive(settings)
        archive.wait_rows("decisions", 300)
        folder.rename(away)
        folder.mkdir()
        until(lambda: "store_unavailable" in archive.problems())
        time.sleep(2)
        assert "store_unavailable" in archive.problems()
        until(lambda: archive.metrics()["archive_up"] == 0)
        assert archive.metrics()["archive_failures_total"] > 0
        assert not (folder / MARKER).exists()
        shutil.rmtree(folder)  # a file in flight may have been put here; it must be put again
        away.rename(folder)
        until(lambda: archive.problems() == [], 20)
        feeder.stop()
    until(lambda: is_complete(settings), 60)
    log = archive.last_lines()
    assert archive.stop() == 0
    assert log.count("reading pauses until it responds") == 1
    assert log.count("is responding again") == 1
    assert "Traceback" not in log
    assert reconcile_archive(settings)["decisions"] >= feeder.sent
    assert overlaps(files_of(settings, "decisions")) == 0


@pytest.mark.slow
def test_a_missing_folder_does_not_delay_stopping(
    archive_settings: ArchiveSettings, start_archive: StartArchive, tmp_path: Path
) -> None:
    """An archive whose folder is missing stops on time; the next archive reads the messages that were in memory."""
    settings = archive_settings(archive_file_s=600.0)
    send_history(settings, 200)
    archive = start_archive(settings)
    archive.wait_ready()
    until(lambda: archive.open_messages() == 204 + 24)
    (tmp_path / "archive").rename(tmp_path / "away")
    began = time.monotonic()
    assert archive.stop() == 0
    assert time.monotonic() - began < 10
    (tmp_path / "away").rename(tmp_path / "archive")
    archive.start()
    archive.wait_ready()
    until(lambda: archive.open_messages() == 204 + 24)
    assert archive.stop() == 0
    assert reconcile_archive(settings)["decisions"] == 204


@pytest.mark.slow
def test_partitions_move_again_and_again(archive_settings: ArchiveSettings, start_archive: StartArchive) -> None:
    """No message is lost or repeated while a second archive joins and leaves, by rebalancing and by a crash."""
    settings, second_settings = archive_settings(archive_file_s=0.5), archive_settings(archive_file_s=0.5)
    with HistoryFeeder(settings) as feeder:
        first, second = start_archive(settings), start_archive(second_settings)
        for leave in (second.stop, second.kill, second.stop):
            second.wait_ready()
            rows = sum(file.end - file.first for file in files_of(settings, "decisions"))
            second.wait_rows("decisions", rows + 2_000)
            leave()
            second.start()
        second.wait_ready()
        feeder.stop()
        until(lambda: first.lag() + second.lag() == 0, 30)
    assert second.stop() == 0
    first.wait_ready()
    until(lambda: is_complete(settings), 60)
    assert first.stop() == 0
    assert reconcile_archive(settings)["decisions"] >= feeder.sent

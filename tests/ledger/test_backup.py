"""A ledger that was lost and restored from a backup goes on from the offsets in it, without loss or repetition."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import BackupError
from stream.backup.part import Part
from stream.backup.postgres import PostgresPart
from stream.backup.sqlite import SqlitePart
from stream.settings import Settings
from tests.support.ledger_process import LedgerProcess
from tests.support.ledger_reconciliation import reconcile_ledger
from tests.support.ledger_traffic import HistoryFeeder
from tests.support.until import until


def part_of(url: str) -> Part:
    """Return the part of a backup for a ledger's database."""
    if url.startswith("sqlite"):
        return SqlitePart("ledger", Path(url.removeprefix("sqlite:///")))
    return PostgresPart("ledger", url)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_restored_ledger_catches_up(
    ledger_settings: Callable[..., Settings],
    start_ledger: Callable[[Settings], LedgerProcess],
    new_url: Callable[[str], str],
    tmp_path: Path,
    database: str,
) -> None:
    """The database is saved in the middle of traffic, and lost later together with its ledger.

    The ledger of the restored database reads again from Kafka what came after the backup. In the end, the tables equal
    the topics, row by row and offset by offset.
    """
    settings = ledger_settings(database)
    saved = tmp_path / "saved"
    saved.mkdir()
    with HistoryFeeder(settings) as feeder:
        first = start_ledger(settings)
        first.wait_rows(decisions=1_000)
        part_of(settings.ledger.url).save(saved)
        at = first.rows("decisions")
        first.wait_rows(decisions=at + 1_000)
        first.kill()
        lost = first.rows("decisions")

        restored = settings.replace(ledger_url=new_url(database))
        part = part_of(restored.ledger.url)
        part.require_empty()
        part.restore(saved)
        second = start_ledger(restored)
        assert second.rows("decisions") < lost, "the backup has everything, so nothing was to be read again"
        second.wait_rows(decisions=lost + 500)
        feeder.stop()
        second.wait_rows(decisions=feeder.sent, shadow_scores=feeder.sent)
    until(lambda: second.problems() == [] and second.lag() == 0, 30)
    assert second.stop() == 0
    assert reconcile_ledger(restored)["decisions"] == feeder.sent
    with pytest.raises(BackupError, match="nothing is overwritten"):
        part.require_empty()

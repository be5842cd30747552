"""After ledgers die, freeze or run twice, or databases are unavailable, the tables equal the topics in the end."""

import time
from collections.abc import Callable

import pytest

from stream.ledger.database import opened_engine, writing
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.ledger_process import LedgerProcess
from tests.support.ledger_reconciliation import reconcile_ledger
from tests.support.ledger_traffic import HistoryFeeder, send_history
from tests.support.postgres import Postgres
from tests.support.until import until

StartLedger = Callable[[Settings], LedgerProcess]
LedgerSettings = Callable[..., Settings]

#: Each fault is tested on one database in every run, and on the other database in `make test-slow`.
SQLITE_SLOW = pytest.param("sqlite", marks=pytest.mark.slow)
POSTGRES_SLOW = pytest.param("postgres", marks=pytest.mark.slow)


@pytest.mark.parametrize("database", ["sqlite", POSTGRES_SLOW])
def test_three_sigkills(ledger_settings: LedgerSettings, start_ledger: StartLedger, database: str) -> None:
    """A ledger that is killed and restarted three times mid-stream neither loses nor repeats a row.

    Small batches keep the ledger busy long enough to be killed between reading and committing.
    """
    count = 12_000
    settings = ledger_settings(database, kafka_batch_max=50)
    send_history(settings, count)
    ledger = start_ledger(settings)
    for kill in range(1, 4):
        ledger.wait_rows(decisions=count * kill // 6)
        ledger.kill()
        assert ledger.rows("decisions") < count, "the kill came too late to prove anything"
        ledger.start()
    ledger.wait_rows(decisions=count, shadow_scores=count, labels=count // 10, role_changes=3)
    until(lambda: ledger.problems() == [])
    until(lambda: ledger.query("SELECT sum(repeats) FROM decisions") == [(count // 50,)])
    assert ledger.stop() == 0
    reconcile_ledger(settings)


@pytest.mark.parametrize("database", [SQLITE_SLOW, "postgres"])
def test_a_second_ledger_joins_and_one_is_killed(
    ledger_settings: LedgerSettings, start_ledger: StartLedger, database: str
) -> None:
    """Partitions move under load, by rebalancing and by a crash; each row is written by one of the two ledgers."""
    settings = ledger_settings(database)
    second_settings = ledger_settings(ledger_url=settings.ledger.url)
    with HistoryFeeder(settings) as feeder:
        first = start_ledger(settings)
        first.wait_rows(decisions=500)
        second = start_ledger(second_settings)
        second.wait_ready()
        until(lambda: second.metrics()['ledger_rows_total{kind="decisions"}'] > 100)
        first.kill()
        at = second.rows("decisions")
        second.wait_rows(decisions=at + 2_000, timeout=30)
        first.start()
        first.wait_ready()
        assert second.stop() == 0
        at = first.rows("decisions")
        first.wait_rows(decisions=at + 1_000, timeout=30)
        feeder.stop()
        first.wait_rows(decisions=feeder.sent, shadow_scores=feeder.sent)
    until(lambda: first.problems() == [] and first.lag() == 0, 30)
    assert first.stop() == 0
    assert reconcile_ledger(settings)["decisions"] == feeder.sent


@pytest.mark.parametrize("database", [SQLITE_SLOW, "postgres"])
def test_a_frozen_ledger_is_fenced(ledger_settings: LedgerSettings, start_ledger: StartLedger, database: str) -> None:
    """A ledger frozen for longer than its session timeout drops its stale batches when it wakes, then continues.

    Postgres ends the transaction in which the ledger froze; SQLite's file stays locked until the ledger wakes.
    """
    settings = ledger_settings(database, kafka_batch_max=20)
    second_settings = ledger_settings(ledger_url=settings.ledger.url)
    with HistoryFeeder(settings) as feeder:
        frozen = start_ledger(settings)
        frozen.wait_rows(decisions=500)
        frozen.freeze()
        second = start_ledger(second_settings)
        at = second.rows("decisions")
        if database == "postgres":
            second.wait_rows(decisions=at + 3_000, timeout=50)
        else:
            time.sleep(12)
        frozen.thaw()
        frozen.wait_ready()
        second.wait_ready()
        assert second.stop() == 0
        feeder.stop()
        frozen.wait_rows(decisions=feeder.sent, shadow_scores=feeder.sent)
    until(lambda: frozen.problems() == [] and frozen.lag() == 0, 30)
    assert frozen.stop() == 0
    assert reconcile_ledger(settings)["decisions"] == feeder.sent


@pytest.mark.parametrize("away_s", [8.0, pytest.param(30.0, marks=pytest.mark.slow)])
def test_postgres_is_unavailable(
    ledger_settings: LedgerSettings, start_ledger: StartLedger, cluster: Postgres, away_s: float
) -> None:
    """The ledger logs an outage once, reports not ready, waits, resumes by itself and loses nothing."""
    settings = ledger_settings("postgres")
    with HistoryFeeder(settings) as feeder:
        ledger = start_ledger(settings)
        ledger.wait_rows(decisions=300)
        cluster.stop()
        try:
            until(lambda: "store_unavailable" in ledger.problems())
            time.sleep(away_s)
            assert "store_unavailable" in ledger.problems()
            assert ledger.metrics()["ledger_database_up"] == 0
        finally:
            cluster.start()
        until(lambda: ledger.problems() == [], 20)
        feeder.stop()
        ledger.wait_rows(decisions=feeder.sent, shadow_scores=feeder.sent)
    until(lambda: ledger.lag() == 0, 30)
    log = ledger.last_lines()
    assert ledger.stop() == 0
    assert log.count("reading pauses until it responds") == 1
    assert log.count("is responding again") == 1
    assert "Traceback" not in log
    assert reconcile_ledger(settings)["decisions"] == feeder.sent


@pytest.mark.slow
def test_sqlite_held_by_another_program(ledger_settings: LedgerSettings, start_ledger: StartLedger) -> None:
    """A backup that locks the file for a long time is an outage like any other."""
    settings = ledger_settings()
    with HistoryFeeder(settings) as feeder:
        ledger = start_ledger(settings)
        ledger.wait_rows(decisions=300)
        with opened_engine(settings.ledger.url) as engine, writing(engine):
            until(lambda: "store_unavailable" in ledger.problems(), 20)
        until(lambda: ledger.problems() == [], 20)
        feeder.stop()
        ledger.wait_rows(decisions=feeder.sent, shadow_scores=feeder.sent)
    until(lambda: ledger.lag() == 0, 30)
    assert ledger.last_lines().count("reading pauses until it responds") == 1
    assert ledger.stop() == 0
    reconcile_ledger(settings)


@pytest.mark.slow
def test_two_ledgers_in_different_groups(ledger_settings: LedgerSettings, start_ledger: StartLedger) -> None:
    """Two ledgers that both read every partition into one database fence each other; no row is lost or repeated."""
    settings = ledger_settings()
    twin = settings.replace(ledger_group=f"{settings.kafka.group}-twin", kafka_slot="twin", ledger_web_port=free_port())
    with HistoryFeeder(settings) as feeder:
        first, second = start_ledger(settings), start_ledger(twin)
        first.wait_rows(decisions=3_000, timeout=60)
        assert second.stop() == 0
        feeder.stop()
        first.wait_rows(decisions=feeder.sent, shadow_scores=feeder.sent)
    until(lambda: first.lag() == 0, 30)
    assert first.stop() == 0
    assert "is now claimed by" in first.last_lines() + second.last_lines()
    assert reconcile_ledger(settings)["decisions"] == feeder.sent

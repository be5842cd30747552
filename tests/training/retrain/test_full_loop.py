"""The whole loop on a real Kafka: amounts double, drift alarms and asks, and the champion's heir watches."""

from pathlib import Path

import msgspec
import numpy as np
from confluent_kafka import Producer

from schemas.messages import Challenger, Label, encode
from stream.control.drift_reports import read_reports
from stream.control.retrain_requests import read_requests
from stream.control.role_reader import current_roles
from stream.ledger.repository import load_watermark
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.archive_process import ArchiveProcess
from tests.support.bundles import NUMERIC
from tests.support.ledger_process import LedgerProcess
from tests.support.topics import produce_all
from tests.support.traffic import transaction
from tests.support.until import until
from tests.support.decision_monitor import DecisionMonitor
from tests.support.worker_process import WorkerProcess
from tests.training.retrain.conftest import MakePlace
from training.retrain.retrainer import DAY_MS

#: Transactions before the amounts double, and after it: room for two whole windows, also where a busy machine's
#: messages of counts are as large as a window.
ORDINARY, DOUBLED = 1_600, 1_600
WINDOW = 300
FRAUDS = 0.18
BEGIN_MS = 1_378_000_000_000


def is_fraud(number: int) -> bool:
    """Whether a transaction is one."""
    return bool(np.random.default_rng(number).random() < FRAUDS)


def made(number: int) -> bytes:
    """Return the transaction of a number: a minute after the one before, ten days later from where amounts double."""
    fields = msgspec.json.decode(transaction(number))
    doubled = number >= ORDINARY
    return transaction(
        number,
        event_time_ms=BEGIN_MS + number * 60_000 + doubled * 10 * DAY_MS,
        amount_minor=fields["amount_minor"] * (1 + doubled),
        features={name: fields["features"][name] + 0.5 * is_fraud(number) for name in NUMERIC},
    )


def send(settings: Settings, first: int, last: int) -> None:
    """Send transactions slowly enough that windows of drift are of some batches each."""
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "linger.ms": 0})
    for number in range(first, last):
        producer.produce(settings.topic.transactions, made(number), f"card-{number % 500}".encode())
        producer.poll(0.002)
    assert producer.flush(30) == 0


def label(number: int) -> bytes:
    """Return the chargeback of a fraud."""
    when = BEGIN_MS + number * 60_000 + DAY_MS
    return encode(Label(f"l{number}", str(number), "chargeback", fraud=True, event_time_ms=when))


def test_doubled_amounts_become_a_challenger(make_place: MakePlace, tmp_path: Path) -> None:
    """Worker, ledger and archive run; nobody does anything by hand, and the new model decides nothing."""
    place = make_place(
        reference=True,
        bundle_store=str(tmp_path / "var" / "bundles"),
        drift_window_rows=WINDOW,
        drift_interval_s=0.1,
        archive_file_s=1.0,
        ledger_web_port=free_port(),
        archive_web_port=free_port(),
        rollback_monitor="off",
    )
    settings = place.settings
    frauds = [number for number in range(ORDINARY) if is_fraud(number)]
    with (
        DecisionMonitor(settings) as monitor,
        WorkerProcess(settings, tmp_path) as worker,
        LedgerProcess(settings, tmp_path) as ledger,
        ArchiveProcess(settings, tmp_path) as archive,
    ):
        for program in (worker, ledger, archive):
            program.wait_ready(60)
        send(settings, 0, ORDINARY)
        produce_all(settings.kafka.bootstrap, settings.topic.labels, [(str(n).encode(), label(n)) for n in frauds])
        monitor.wait(ORDINARY)
        until(lambda: len(read_reports(settings)) >= 2, 30)
        assert not read_requests(settings), "ordinary amounts are no drift"

        send(settings, ORDINARY, ORDINARY + DOUBLED)
        until(lambda: bool(read_requests(settings)), 30)
        monitor.wait(ORDINARY + DOUBLED)
        archive.wait_rows("transactions", ORDINARY)
        # Until the ledger has read the labels, and event time has come far enough for silence to mean something.
        until(lambda: (load_watermark(place.past.engine) or 0) > BEGIN_MS + 8 * DAY_MS, 30)
        until(lambda: ledger.metrics()['ledger_rows_total{kind="labels"}'] >= len(frauds), 30)
        (line,) = place.retrainer.look()
    (request,) = read_requests(settings)
    assert request.cause == "drift"
    assert request.bundle_sha256 == place.champion.sha256
    assert "Amount" in request.why
    roles = current_roles(settings)
    assert roles is not None, line
    version = place.promoter.registry.find("challenger")
    assert (roles.champion, roles.challengers) == (place.champion, (Challenger(version.bundle),)), line
    assert request.answer is not None
    assert request.answer.outcome == "challenger"

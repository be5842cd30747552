"""The whole loop on a real Kafka: amounts double, drift requests a model, and the new model runs in shadow mode."""

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
from tests.support.decision_monitor import DecisionMonitor
from tests.support.ledger_process import LedgerProcess
from tests.support.topics import produce_all
from tests.support.traffic import transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess
from tests.training.retrain.conftest import MakeSetup
from training.retrain.retrainer import DAY_MS

#: Number of transactions before and after amounts double: two complete windows, even if a busy machine sends counts in
#: messages as large as a window.
ORDINARY, DOUBLED = 1_600, 1_600
WINDOW = 300
FRAUDS = 0.18
BEGIN_MS = 1_378_000_000_000


def is_fraud(number: int) -> bool:
    """Return whether a transaction is a fraud."""
    return bool(np.random.default_rng(number).random() < FRAUDS)


def make_transaction(number: int) -> bytes:
    """Return transaction `number`: one follows each minute, with a gap of ten days before the amounts double."""
    fields = msgspec.json.decode(transaction(number))
    doubled = number >= ORDINARY
    return transaction(
        number,
        event_time_ms=BEGIN_MS + number * 60_000 + doubled * 10 * DAY_MS,
        amount_minor=fields["amount_minor"] * (1 + doubled),
        features={name: fields["features"][name] + 0.5 * is_fraud(number) for name in NUMERIC},
    )


def send(settings: Settings, first: int, last: int) -> None:
    """Send transactions slowly enough that each drift window has several batches."""
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "linger.ms": 0})
    for number in range(first, last):
        producer.produce(settings.topic.transactions, make_transaction(number), f"card-{number % 500}".encode())
        producer.poll(0.002)
    assert producer.flush(30) == 0


def label(number: int) -> bytes:
    """Return the chargeback of a fraud."""
    when = BEGIN_MS + number * 60_000 + DAY_MS
    return encode(Label(f"l{number}", str(number), "chargeback", fraud=True, event_time_ms=when))


def test_doubled_amounts_become_a_challenger(make_setup: MakeSetup, tmp_path: Path) -> None:
    """With the worker, ledger and archive running, doubled amounts lead to a challenger without manual steps."""
    setup = make_setup(
        reference=True,
        bundle_store=str(tmp_path / "var" / "bundles"),
        drift_window_rows=WINDOW,
        drift_interval_s=0.1,
        archive_file_s=1.0,
        ledger_web_port=free_port(),
        archive_web_port=free_port(),
        rollback_monitor="off",
    )
    settings = setup.settings
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
        until(lambda: len(read_reports(settings.kafka, settings.topic)) >= 2, 30)
        assert not read_requests(settings.kafka, settings.topic), "ordinary amounts are no drift"

        send(settings, ORDINARY, ORDINARY + DOUBLED)
        until(lambda: bool(read_requests(settings.kafka, settings.topic)), 30)
        monitor.wait(ORDINARY + DOUBLED)
        archive.wait_rows("transactions", ORDINARY)
        # Wait until the ledger has read the labels, and transactions without a label have matured.
        until(lambda: (load_watermark(setup.history.engine) or 0) > BEGIN_MS + 8 * DAY_MS, 30)
        until(lambda: ledger.metrics()['ledger_rows_total{kind="labels"}'] >= len(frauds), 30)
        (line,) = setup.retrainer.handle_open_requests()
    (request,) = read_requests(settings.kafka, settings.topic)
    assert request.cause == "drift"
    assert request.bundle_sha256 == setup.champion.sha256
    assert "Amount" in request.why
    roles = current_roles(settings.kafka, settings.topic)
    assert roles is not None, line
    version = setup.promoter.registry.find("challenger")
    assert (roles.champion, roles.challengers) == (setup.champion, (Challenger(version.bundle),)), line
    assert request.answer is not None
    assert request.answer.outcome == "challenger"

"""The worker as a program: how it stops, how it reports that it cannot start, and which outages it waits out."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.messages import WorkerStatus
from stream.local.broker import LocalBroker
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.decision_monitor import DecisionMonitor
from tests.support.exits import assert_exits
from tests.support.reconciliation import reconcile
from tests.support.traffic import TransactionFeeder, send, transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_state import metrics, newest_status

StartWorker = Callable[[Settings], WorkerProcess]
Ready = Callable[..., Settings]

#: Maximum seconds from the command to its error: 10 s of retries, and the start of Python on a busy machine.
GIVE_UP_S = 30.0


def test_a_stop_under_load(ready: Ready, start_worker: StartWorker) -> None:
    """SIGTERM ends a busy worker within 5 s; after the next worker has caught up, nothing is lost or decided twice."""
    settings = ready()
    with DecisionMonitor(settings) as monitor, TransactionFeeder(settings, rate=2_000) as feeder:
        worker = start_worker(settings)
        monitor.wait(1_000)
        began = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - began <= 5, worker.last_lines()
        assert "did not stop within" not in worker.last_lines()
        worker.start()
        monitor.assert_resumes(time.monotonic())
        feeder.stop()
        monitor.wait(feeder.sent)
        assert worker.stop() == 0
    assert len(reconcile(settings).decisions) == feeder.sent


@pytest.mark.slow
def test_a_stop_during_a_broker_outage(ready: Ready, start_worker: StartWorker, own_broker: LocalBroker) -> None:
    """SIGTERM ends a worker whose broker is unavailable; the next worker decides the batches that were in flight."""
    settings = ready(kafka_bootstrap=own_broker.bootstrap, kafka_batch_max=100)
    with DecisionMonitor(settings) as monitor:
        with TransactionFeeder(settings, rate=2_000) as feeder:
            worker = start_worker(settings)
            monitor.wait(1_000)
            own_broker.kill()
            time.sleep(1)
            began = time.monotonic()
            code = worker.stop(30)
            took = time.monotonic() - began
            own_broker.start()
        assert took <= 6, f"{took:.1f} s\n{worker.last_lines()}"
        assert code == 0, worker.last_lines()
        worker.start()
        monitor.wait(feeder.sent)
        assert worker.stop() == 0
    assert len(reconcile(settings).decisions) == feeder.sent


@pytest.mark.slow
def test_a_transactional_upstream(ready: Ready, start_worker: StartWorker) -> None:
    """Messages that the upstream aborts are not decided, and transaction markers do not count as waiting transactions.

    Each partition ends with markers and aborted transactions, both for the worker that reads them and for a worker
    started afterwards that reads nothing else. A worker without progress becomes unready after half of the watchdog's
    time.
    """
    settings = ready(kafka_watchdog_s=15)
    send_in_transactions(settings, committed=5, batch=100)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        monitor.wait(500)
        worker.wait_ready()
        until(lambda: metrics(settings)["consumer_lag_transactions"] == 0)
        assert worker.stop() == 0
        worker.start()
        worker.wait_ready()
        deadline = time.monotonic() + settings.kafka.watchdog_s / 2 + 2
        while time.monotonic() < deadline:
            assert worker.is_ready(), worker.last_lines()
            time.sleep(0.2)
        assert metrics(settings)["consumer_lag_transactions"] == 0
        send(settings, 10)
        monitor.wait(510)
        assert worker.stop() == 0
    result = reconcile(settings)
    assert len(result.decisions) == 510
    assert not any(decision.transaction_id.startswith("aborted") for decision in result.decisions.values())


def send_in_transactions(settings: Settings, *, committed: int, batch: int) -> None:
    """Send committed and aborted Kafka transactions of `batch` messages in turn; the last transaction is aborted."""
    name = f"{settings.kafka.group}-upstream"
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "transactional.id": name})
    producer.init_transactions(30)
    for turn in range(committed):
        producer.begin_transaction()
        for number in range(turn * batch, (turn + 1) * batch):
            producer.produce(settings.topic.transactions, transaction(number), f"card-{number % 500}".encode())
        producer.commit_transaction(30)
        producer.begin_transaction()
        for number in range(batch):
            value = transaction(number, transaction_id=f"aborted-{turn}-{number}")
            producer.produce(settings.topic.transactions, value, partition=number % settings.topic.partitions)
        producer.flush(30)  # otherwise they would never reach the broker's log
        producer.abort_transaction(30)


def status_of(settings: Settings) -> WorkerStatus:
    """Wait for a worker-status message and return the newest."""
    until(lambda: newest_status(settings) is not None)
    status = newest_status(settings)
    assert status is not None
    return status


def test_no_broker(make_settings: Callable[..., Settings], start_worker: StartWorker) -> None:
    """Without a broker at the address, the worker prints an error that names the address and exits."""
    settings = make_settings(kafka_bootstrap=f"127.0.0.1:{free_port()}")
    worker = start_worker(settings)
    line = assert_exits(worker, GIVE_UP_S)
    assert line.startswith(f"fraud-stream: Kafka at {settings.kafka.bootstrap} is not responding")
    assert "rdkafka" not in worker.last_lines(), "each attempt to connect is a line"
    assert line.endswith("start one with `fraud-stream kafka` or set FRAUD_KAFKA_BOOTSTRAP")


def test_no_topic(make_settings: Callable[..., Settings], start_worker: StartWorker) -> None:
    """If a topic is missing, the error names it and the command that creates it; no topic is created implicitly."""
    settings = make_settings()
    line = assert_exits(start_worker(settings), GIVE_UP_S)
    assert line == (
        f"fraud-stream: topic {settings.topic.transactions} does not exist on {settings.kafka.bootstrap}; "
        "create it with `fraud-stream topics`"
    )


def test_a_web_port_in_use(ready: Ready, start_worker: StartWorker) -> None:
    """If the web port is in use, the error names the port and the setting that changes it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = ready(web_port=other.getsockname()[1])
        line = assert_exits(start_worker(settings), GIVE_UP_S)
    assert line.startswith(f"fraud-stream: cannot listen on 127.0.0.1:{settings.web.port}")
    assert line.endswith("set FRAUD_WEB_PORT to another port")


def test_an_unavailable_bundle_store(ready: Ready, start_worker: StartWorker, tmp_path: Path) -> None:
    """While the store is unavailable, the worker waits and reports why in its log and in worker-status."""
    settings = ready(worker_status_interval_s=0.5)
    store, elsewhere = Path(settings.bundle.store), tmp_path / "elsewhere"
    store.rename(elsewhere)
    send(settings, 100)
    with DecisionMonitor(settings) as monitor:
        worker = start_worker(settings)
        reason = f"bundle fraud/1 cannot be read from {store}"
        until(lambda: reason in (status_of(settings).refused or ""))
        assert status_of(settings).state == "waiting"
        assert reason in worker.last_lines()
        assert not worker.is_ready()
        assert worker.returncode is None
        assert monitor.settled == 0
        elsewhere.rename(store)
        monitor.wait(100)
        until(lambda: (status_of(settings).state, status_of(settings).refused) == ("ready", None))
        assert worker.stop() == 0
    assert "Traceback" not in worker.last_lines()
    assert len(reconcile(settings).decisions) == 100

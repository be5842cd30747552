"""Starting where something is missing, and stopping whatever is going on."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from stream.app import WorkerProgram
from stream.kafka.broker import LocalBroker
from stream.kafka.ports import free_port
from stream.kafka.topics import create_topics
from stream.settings import Settings
from tests.faults.conftest import publish_champion
from tests.support.control import newest_status
from tests.support.reckoning import reckon
from tests.support.traffic import send, transaction
from tests.support.until import until
from tests.support.watch import RECOVERY_S, Watch
from tests.support.worker_here import run_worker
from tests.support.worker_process import WorkerProcess

StartWorker = Callable[[Settings], WorkerProcess]


def last_line(worker: WorkerProcess, within: float = 12.0) -> str:
    """Wait until a worker has ended by itself with exit code 1 and no traceback, and return its last line."""
    deadline = time.monotonic() + within
    while worker.returncode is None:
        assert time.monotonic() < deadline, f"still running after {within:g} s:\n{worker.last_words()}"
        time.sleep(0.05)
    words = worker.last_words()
    assert worker.returncode == 1, words
    assert "Traceback" not in words
    return words.splitlines()[-1]


def test_unreachable_broker(make_settings: Callable[..., Settings], start_worker: StartWorker) -> None:
    """No broker at the address: one line that says where and what to do, exit code 1."""
    settings = make_settings(bootstrap=f"127.0.0.1:{free_port()}")
    line = last_line(start_worker(settings), within=14)
    assert line.startswith(f"fraud-stream: no Kafka answers at {settings.bootstrap}")
    assert "FRAUD_BOOTSTRAP" in line


def test_missing_topic(make_settings: Callable[..., Settings], start_worker: StartWorker) -> None:
    """A topic that is not there is named, and not created by accident."""
    settings = make_settings()
    line = last_line(start_worker(settings))
    assert f"topic {settings.topic_transactions} is not on {settings.bootstrap}" in line
    assert "fraud-stream topics" in line


def test_port_in_use(settings: Settings, start_worker: StartWorker) -> None:
    """A web port that somebody else has is named with its setting."""
    with socket.create_server((settings.web_host, settings.web_port)):
        line = last_line(start_worker(settings))
    assert f"{settings.web_host}:{settings.web_port} cannot be listened on" in line
    assert "FRAUD_WEB_PORT" in line


def test_unknown_kind_of_store(make_settings: Callable[..., Settings], start_worker: StartWorker) -> None:
    """A store that no installed package can open ends the worker with one line."""
    line = last_line(start_worker(make_settings(bundle_store="nowhere://bundles")))
    assert "bundle store nowhere://bundles cannot be opened" in line


@pytest.mark.parametrize(
    "security",
    [{"security_protocol": "SSL", "ssl_ca": "no-such.pem"}, {"security_protocol": "SASL_PLAINTEXT"}],
    ids=["no certificate", "no user"],
)
def test_unusable_security(
    make_settings: Callable[..., Settings], start_worker: StartWorker, security: dict[str, str]
) -> None:
    """Security settings that the client cannot use end the worker with one line."""
    assert last_line(start_worker(make_settings(**security)), within=14).startswith("fraud-stream: ")


def test_unreachable_store(settings: Settings, start_worker: StartWorker) -> None:
    """A store that is away is one line on the log; the worker waits, and takes the champion when the store is back."""
    publish_champion(settings)
    store = Path(settings.bundle_store)
    away = store.rename(store.with_name("away"))
    send(settings, 500)
    with Watch(settings) as watch:
        worker = start_worker(settings)
        until(lambda: "cannot be read from" in worker.last_words())
        assert not worker.is_ready()
        assert "Traceback" not in worker.last_words()
        away.rename(store)
        watch.wait(500, timeout=15)
        assert worker.stop() == 0
    assert len(reckon(settings).decisions) == 500


def test_stop_under_load(ready: Callable[..., Settings], start_worker: StartWorker) -> None:
    """SIGTERM under load ends the worker within 5 s with code 0; the next one goes on where it ended."""
    settings = ready()
    send(settings, 60_000)
    with Watch(settings) as watch:
        worker = start_worker(settings)
        watch.wait(2_000)
        began = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - began <= 5
        assert "Traceback" not in worker.last_words()
        worker.start()
        watch.wait(60_000)
        assert worker.stop() == 0
    assert len(reckon(settings).decisions) == 60_000


def test_stop_while_the_broker_is_away(
    ready: Callable[..., Settings], start_worker: StartWorker, own_broker: LocalBroker
) -> None:
    """SIGTERM ends the worker within 6 s also when no broker answers; what was in hand is decided by the next one."""
    settings = ready(bootstrap=own_broker.bootstrap, batch_max=200)
    send(settings, 30_000)
    with Watch(settings) as watch:
        worker = start_worker(settings)
        watch.wait(2_000)
        own_broker.kill()
        time.sleep(1)
        began = time.monotonic()
        worker.stop(grace=15)
        took = time.monotonic() - began
        assert "Traceback" not in worker.last_words()
        assert took <= 6, f"{took:.1f} s"
        own_broker.start()
        worker.start()
        watch.wait(30_000, timeout=45)
        assert worker.stop() == 0
    assert len(reckon(settings).decisions) == 30_000


def test_a_transactional_upstream(ready: Callable[..., Settings]) -> None:
    """Of an upstream with transactions only the committed are decided; its markers and aborted messages are no lag.

    Neither when the reader comes to the end for the first time, nor when it is sent back to what is committed there:
    lag that nothing can read would make the watchdog end a worker that is well.
    """
    settings = ready()
    upstream = Producer({"bootstrap.servers": settings.bootstrap, "transactional.id": f"{settings.group}-upstream"})
    upstream.init_transactions(10)
    for block in range(20):
        upstream.begin_transaction()
        for number in range(block * 50, block * 50 + 50):
            upstream.produce(settings.topic_transactions, transaction(number), f"card-{number % 50}".encode())
        upstream.flush(10)  # also what is aborted lies in the topic
        if block % 2:
            upstream.abort_transaction(10)
        else:
            upstream.commit_transaction(10)

    def steps(program: WorkerProgram) -> None:
        watch.wait(500)
        until(lambda: program.source.lag(1) == 0)
        program.source.fail()
        until(lambda: not program.source._positions)
        until(lambda: program.source.lag(1) == 0)

    with Watch(settings) as watch:
        run_worker(lambda: WorkerProgram(settings), steps)
    assert len(reckon(settings).decisions) == 500


def test_a_password(make_settings: Callable[..., Settings], start_worker: StartWorker) -> None:
    """With SASL the worker decides, and its status, which Faust's own client sends, arrives."""
    with LocalBroker(sasl=("worker", "s3cret word")) as broker:
        settings = make_settings(
            bootstrap=broker.bootstrap,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_username="worker",
            sasl_password="s3cret word",  # noqa: S106 - of this broker alone
            status_interval_s=0.5,
        )
        create_topics(settings)
        publish_champion(settings)
        plain = make_settings(bootstrap=broker.direct)
        send(plain, 500)
        with Watch(plain) as watch:
            worker = start_worker(settings)
            watch.wait(500)
            worker.wait_ready(RECOVERY_S)
            until(lambda: newest_status(settings, broker.direct) is not None)
            assert "s3cret" not in worker.last_words()
            assert worker.stop() == 0
        assert len(reckon(settings, broker.direct).decisions) == 500

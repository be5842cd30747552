"""Workers connect to a broker that requires a user and a password."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.local.broker import LocalBroker
from stream.settings import Settings
from tests.support.decision_monitor import DecisionMonitor
from tests.support.exits import assert_exits
from tests.support.reconciliation import reconcile
from tests.support.topics import produce_all
from tests.support.traffic import transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess
from tests.support.worker_state import newest_status

StartWorker = Callable[[Settings], WorkerProcess]

USER, PASSWORD, WRONG = "scorer", "right-4f9a", "wrong-71cd"


@pytest.fixture(scope="module")
def secured() -> Iterator[LocalBroker]:
    """A broker that accepts only one user."""
    with LocalBroker(users={USER: PASSWORD}, brief=True) as broker:
        yield broker


@pytest.fixture
def login(secured: LocalBroker, ready: Callable[..., Settings]) -> Settings:
    """Settings with the correct password and the most verbose log level."""
    security: dict[str, Any] = {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_mechanism": "PLAIN"}
    return ready(
        kafka_bootstrap=secured.bootstrap,
        kafka_sasl_username=USER,
        kafka_sasl_password=PASSWORD,
        log_level="DEBUG",
        worker_status_interval_s=0.5,
        **security,
    )


def all_output(tmp_path: Path) -> str:
    """Return all output of the test's workers."""
    return "".join(log.read_text() for log in tmp_path.glob("worker-*.log"))


def test_the_right_password(secured: LocalBroker, login: Settings, start_worker: StartWorker, tmp_path: Path) -> None:
    """Both Kafka clients log in: librdkafka writes decisions, Faust's aiokafka writes worker-status."""
    rows = ((b"card", transaction(number)) for number in range(500))
    produce_all(secured.direct, login.topic.transactions, rows)
    with DecisionMonitor(login, secured.direct) as monitor:
        worker = start_worker(login)
        monitor.wait(500)
        worker.wait_ready()
        until(lambda: newest_status(login, secured.direct) is not None)
        assert worker.stop() == 0
    assert len(reconcile(login, secured.direct).decisions) == 500
    status = newest_status(login, secured.direct)
    assert status is not None
    assert status.champion == "1"
    assert PASSWORD not in all_output(tmp_path)


def test_a_wrong_password(login: Settings, start_worker: StartWorker, tmp_path: Path) -> None:
    """After a rejected login the worker exits with a one-line error that names the settings to fix, but no password."""
    worker = start_worker(login.replace(kafka_sasl_password=WRONG))
    assert assert_exits(worker, 30) == (
        f"fraud-stream: Kafka at {login.kafka.bootstrap} rejected the login of {USER!r}; "
        "set FRAUD_KAFKA_SASL_USERNAME, FRAUD_KAFKA_SASL_PASSWORD and FRAUD_KAFKA_SASL_MECHANISM"
    )
    assert WRONG not in all_output(tmp_path)

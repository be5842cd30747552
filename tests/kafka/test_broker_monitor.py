"""The broker monitor: an outage is noticed at once, and so is its end."""

import pytest
from confluent_kafka import KafkaError

from stream.kafka import broker_monitor
from stream.kafka.broker_monitor import BrokerMonitor
from stream.settings import Settings
from tests.support.unreachable import unreachable_kafka
from tests.support.until import until


@pytest.fixture(autouse=True)
def short_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitor that checks often."""
    monkeypatch.setattr(broker_monitor, "CHECK_S", 0.05)


def test_an_outage_is_noticed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A broker that does not respond to several checks is unavailable, which is logged once."""
    monkeypatch.setattr(broker_monitor, "RESPONSE_S", 0.05)
    with BrokerMonitor(unreachable_kafka(), "transactions-http") as monitor:
        until(lambda: monitor.unavailable)
        until(lambda: monitor._unanswered > broker_monitor.UNANSWERED_CHECKS)
    assert caplog.messages.count("no broker is responding") == 1


def test_a_clients_lost_connection_counts_until_the_next_check(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that loses every broker reports it before the next check; a check that succeeds ends the outage."""
    caplog.set_level("INFO", logger=broker_monitor.__name__)
    monitor = BrokerMonitor(settings.kafka, settings.topic.transactions_http)
    monitor.on_client_error(KafkaError(KafkaError._TRANSPORT))  # one connection, perhaps of several
    states = [monitor.unavailable]
    monitor.on_client_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    states.append(monitor.unavailable)
    assert states == [False, True]
    with monitor:
        until(lambda: not monitor.unavailable)
    assert [record.message for record in caplog.records if record.name == broker_monitor.__name__] == [
        "no broker is responding",
        "a broker is responding again",
    ]

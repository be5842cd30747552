"""Rate limiting of log lines from Kafka clients."""

import logging
import time

import pytest
from confluent_kafka import Consumer

from stream.kafka.client_log import INTERVAL_S, RateLimitedLogFilter
from stream.kafka.clients import consumer_config
from stream.runtime.ports import free_port
from stream.settings import Settings

REFUSED = "FAIL [worker#consumer-1] [thrd:b]: b: Connect to b failed: Connection refused (after %dms in state CONNECT)"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The current time in seconds, for the test to advance."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def passed(log_filter: RateLimitedLogFilter, line: str, *args: object) -> str | None:
    """Return the text that is logged for a line; None if the line is suppressed."""
    record = logging.LogRecord("kafka", logging.ERROR, "", 0, line, args, None)
    return record.getMessage() if log_filter.filter(record) else None


def test_similar_lines_are_counted(clock: list[float]) -> None:
    """The first of similar lines passes. The next one that passes says how many were suppressed; counting restarts."""
    log_filter = RateLimitedLogFilter()
    assert passed(log_filter, REFUSED, 0) == REFUSED % 0
    assert [passed(log_filter, REFUSED, took) for took in (0, 1, 12)] == [None, None, None]
    clock[0] += INTERVAL_S
    assert passed(log_filter, REFUSED, 2) == REFUSED % 2 + "; 3 similar lines suppressed"
    clock[0] += INTERVAL_S
    assert passed(log_filter, REFUSED, 2) == REFUSED % 2


def test_other_lines_are_not_suppressed(clock: list[float]) -> None:
    """A line from another client, or a different error from the same client, passes without resetting counts."""
    log_filter = RateLimitedLogFilter()
    assert passed(log_filter, REFUSED, 0)
    assert passed(log_filter, REFUSED, 0) is None
    assert passed(log_filter, REFUSED.replace("consumer-1", "consumer-2"), 0)
    clock[0] += INTERVAL_S
    assert passed(log_filter, "FAIL [worker#consumer-1] [thrd:b]: b: Disconnected (after 9ms in state UP)")
    assert passed(log_filter, REFUSED, 0) == REFUSED % 0 + "; 1 similar lines suppressed"


def test_a_client_without_a_broker_logs_the_refusal_once(caplog: pytest.LogCaptureFixture) -> None:
    """The log contains one line, however often the client tries to connect."""
    settings = Settings().replace(kafka_bootstrap=f"127.0.0.1:{free_port()}")
    consumer = Consumer(consumer_config(settings.kafka) | {"group.id": "no-broker"})
    for _ in range(20):
        consumer.poll(0.1)
    consumer.close()
    refused = [line for line in caplog.messages if "Connection refused" in line]
    assert len(refused) == 1

"""What is left of the clients' own log lines."""

import logging
import time

import pytest
from confluent_kafka import Consumer

from stream.kafka.client_log import EVERY_S, OnceInAWhile
from stream.kafka.clients import consumer_config
from stream.runtime.ports import free_port
from stream.settings import Settings

REFUSED = "FAIL [worker#consumer-1] [thrd:b]: b: Connect to b failed: Connection refused (after %dms in state CONNECT)"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is, in seconds, to be moved."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def passed(sieve: OnceInAWhile, line: str, *args: object) -> str | None:
    """What is logged of a line, if it is."""
    record = logging.LogRecord("kafka", logging.ERROR, "", 0, line, args, None)
    return record.getMessage() if sieve.filter(record) else None


def test_like_lines_are_counted(clock: list[float]) -> None:
    """The first is passed; the next to pass says how many were not, and begins the count again."""
    sieve = OnceInAWhile()
    assert passed(sieve, REFUSED, 0) == REFUSED % 0
    assert [passed(sieve, REFUSED, took) for took in (0, 1, 12)] == [None, None, None]
    clock[0] += EVERY_S
    assert passed(sieve, REFUSED, 2) == REFUSED % 2 + "; 3 like it left out"
    clock[0] += EVERY_S
    assert passed(sieve, REFUSED, 2) == REFUSED % 2


def test_other_lines_are_not_held_back(clock: list[float]) -> None:
    """Another client, or another error of the same one, is another line; a count outlives the lines between."""
    sieve = OnceInAWhile()
    assert passed(sieve, REFUSED, 0)
    assert passed(sieve, REFUSED, 0) is None
    assert passed(sieve, REFUSED.replace("consumer-1", "consumer-2"), 0)
    clock[0] += EVERY_S
    assert passed(sieve, "FAIL [worker#consumer-1] [thrd:b]: b: Disconnected (after 9ms in state UP)")
    assert passed(sieve, REFUSED, 0) == REFUSED % 0 + "; 1 like it left out"


def test_a_client_without_a_broker(caplog: pytest.LogCaptureFixture) -> None:
    """It says once that it was refused, however often it tries."""
    settings = Settings().replace(kafka_bootstrap=f"127.0.0.1:{free_port()}")
    consumer = Consumer(consumer_config(settings.kafka) | {"group.id": "nobody"})
    for _ in range(20):
        consumer.poll(0.1)
    consumer.close()
    refused = [line for line in caplog.messages if "Connection refused" in line]
    assert len(refused) == 1

"""Calls of Kafka's transaction functions that fail, or do not return."""

import threading

import pytest
from confluent_kafka import KafkaException

from stream.kafka import transaction_calls
from stream.kafka.transaction_calls import call_or_abandon


def test_a_call_runs_and_its_failure_is_raised() -> None:
    """The caller sees what a call does as if it had made the call itself."""
    done: list[int] = []
    call_or_abandon(lambda: done.append(1))
    assert done == [1]
    with pytest.raises(ZeroDivisionError):
        call_or_abandon(lambda: 1 / 0)


def test_a_call_that_does_not_return_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller goes on with an error that requires a new producer, while the call itself still hangs."""
    monkeypatch.setattr(transaction_calls, "STUCK_S", 0.05)
    answer = threading.Event()
    with pytest.raises(KafkaException, match=r"did not return within 0\.05 s") as raised:
        call_or_abandon(answer.wait)
    answer.set()
    error = raised.value.args[0]
    assert (error.retriable(), error.txn_requires_abort()) == (False, False)

"""The publisher of role counts: whatever fails is logged, and the publisher goes on."""

from collections.abc import Sequence
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.messages import RoleCounts
from stream.kafka import counts_publisher
from stream.kafka.counts_publisher import CountsPublisher
from tests.support.unreachable import limit_producers, unreachable_kafka
from tests.support.until import until


class _Source:
    """Counts for a publisher to take: two messages each time."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self) -> Sequence[RoleCounts]:
        self.taken += 1
        return [RoleCounts("0", "i", 2 * self.taken + each, 1, 0, (0,) * 12, ()) for each in (0, 1)]


def _publisher(source: _Source) -> CountsPublisher:
    return CountsPublisher(unreachable_kafka(), "role-counts", 0.05, source.take)


def _logged(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {record.message for record in caplog.records if record.name == counts_publisher.__name__}


def test_counts_that_kafka_does_not_take_are_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Counts without room in the queue, and counts that are not acknowledged, are lost; later counts are still sent."""
    limit_producers(monkeypatch, counts_publisher, queue_buffering_max_messages=1)
    source = _Source()
    with _publisher(source):
        until(lambda: len(_logged(caplog)) == 2)
        taken = source.taken
        until(lambda: source.taken > taken)
    full, unacknowledged = sorted(_logged(caplog), key=lambda line: "timed out" in line)
    assert full.startswith("role-counts were not sent: ")
    assert "ull" in full
    assert unacknowledged == "role-counts were not sent: Local: Message timed out"


def test_a_client_that_has_failed_is_replaced(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a client's fatal error a new client publishes.

    The clients are fake: a real one fails fatally only if the broker loses its state.
    """
    error = KafkaException(KafkaError(KafkaError._FATAL, "out of order"))
    failed, replacement = Mock(poll=Mock(side_effect=error)), Mock()
    clients = iter([failed, replacement])
    monkeypatch.setattr(counts_publisher, "Producer", lambda _: next(clients))
    with _publisher(_Source()):
        until(lambda: bool(replacement.produce.called))
    failed.poll.assert_called_once()
    assert [line for line in _logged(caplog) if line.endswith("continuing with a new producer")]

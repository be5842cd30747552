"""At-least-once delivery: offsets are committed only when every output is acknowledged."""

import threading
import time
from unittest.mock import Mock

import pytest

from schemas.errors import BatchRefusedError
from stream.kafka import sink as sink_module
from stream.kafka.batch import Batch
from stream.kafka.sink import AtLeastOnceSink, Outputs
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings
from tests.support.topics import read_all
from tests.support.unreachable import limit_producers, unreachable_kafka

BATCH = Batch([], RawBatch("transactions", [], [], []), None, epoch=0, start={}, end={0: 1}, read_at=0.0)


def outputs(topic: str, count: int = 3, value: bytes = b"{}") -> Outputs:
    """Return messages for a topic."""
    return {topic: [{"value": value} for _ in range(count)]}


def test_offsets_are_committed_after_the_outputs(settings: Settings) -> None:
    """When the offsets are committed, readers already see the outputs. Outputs without a batch commit nothing."""
    seen: list[int] = []
    topic, bootstrap = settings.topic.decisions, settings.kafka.bootstrap
    sink = AtLeastOnceSink(settings.kafka, lambda _: seen.append(len(read_all(bootstrap, topic))))
    sink.open()
    sink.commit(BATCH, outputs(topic))
    sink.send(outputs(topic))
    assert seen == [3]
    assert len(read_all(bootstrap, topic)) == 6


def test_outputs_that_are_not_acknowledged_commit_no_offsets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a broker the outputs fail, so the batch is refused and read again."""
    limit_producers(monkeypatch, sink_module)
    commit = Mock()
    sink = AtLeastOnceSink(unreachable_kafka(), commit)
    sink.open()
    with pytest.raises(BatchRefusedError, match=r"batch not committed: .*timed out"):
        sink.commit(BATCH, outputs("decisions"))
    commit.assert_not_called()


def test_an_output_that_cannot_be_queued_commits_no_offsets() -> None:
    """The client itself rejects a message that is too large."""
    commit = Mock()
    sink = AtLeastOnceSink(unreachable_kafka(), commit)
    sink.open()
    with pytest.raises(BatchRefusedError, match=r"batch not committed: .*too large"):
        sink.commit(BATCH, outputs("decisions", value=b"x" * 5_000_000))
    commit.assert_not_called()


def test_a_stop_does_not_wait_for_an_unavailable_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acknowledgements may take minutes during an outage; a stop refuses the batch at once, without its offsets."""
    monkeypatch.setattr(sink_module, "FLUSH_S", 0.1)
    commit = Mock()
    sink = AtLeastOnceSink(unreachable_kafka(), commit)
    sink.open()
    threading.Timer(0.2, sink.close).start()
    began = time.monotonic()
    with pytest.raises(BatchRefusedError, match="stopped before Kafka acknowledged the batch"):
        sink.commit(BATCH, outputs("decisions"))
    assert time.monotonic() - began >= 0.2
    commit.assert_not_called()


def test_more_outputs_than_the_queue_holds_are_all_written(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue drains, and the rest of the batch follows."""
    limit_producers(monkeypatch, sink_module, queue_buffering_max_messages=2, message_timeout_ms=30_000)
    sink = AtLeastOnceSink(settings.kafka, Mock())
    sink.open()
    sink.commit(BATCH, outputs(settings.topic.decisions, count=7))
    assert len(read_all(settings.kafka.bootstrap, settings.topic.decisions)) == 7

"""The transactional sink when another worker uses its slot, and when a message is read twice."""

import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from confluent_kafka import Consumer

from schemas.errors import BatchRefusedError, FencedError, FraudError
from stream.kafka import clients, transaction_calls
from stream.kafka.batch import Batch
from stream.kafka.clients import consumer_config
from stream.kafka.sink import Outputs
from stream.kafka.transactional_sink import TransactionalSink
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings
from tests.support.topics import read_all
from tests.support.unreachable import unreachable_kafka

PARTITION = 0


@pytest.fixture
def consumer(settings: Settings) -> Iterator[Consumer]:
    """The consumer whose group the batch's offsets belong to."""
    consumer = Consumer(consumer_config(settings.kafka) | {"group.id": settings.kafka.group})
    yield consumer
    consumer.close()


def opened(settings: Settings) -> TransactionalSink:
    """Return an open sink, which fences earlier sinks of the same slot."""
    sink = TransactionalSink(settings.kafka, settings.worker, settings.topic.decisions, on_abort=lambda: None)
    sink.open()
    return sink


def test_a_fenced_sink_stays_fenced(settings: Settings, consumer: Consumer) -> None:
    """A fenced sink never fences the sink that took over, however often it is called, so one worker keeps running."""

    def batch(end: int) -> Batch:
        raw = RawBatch(settings.topic.transactions, [], [], [])
        metadata = consumer.consumer_group_metadata()
        return Batch([], raw, metadata, epoch=0, start={}, end={PARTITION: end}, read_at=time.monotonic())

    outputs: Outputs = {settings.topic.decisions: [{"value": b"{}", "partition": PARTITION}]}
    older = opened(settings)
    older.commit(batch(1), outputs)
    younger = opened(settings)
    for _ in range(2 * settings.worker.producers):
        with pytest.raises(FencedError, match="give each worker its own FRAUD_KAFKA_SLOT"):
            older.commit(batch(2), outputs)
    for end in range(2, 2 + 2 * settings.worker.producers):
        younger.commit(batch(end), outputs)
    for sink in (older, younger):
        sink.close()


def test_an_offset_is_committed_once_whatever_the_source_reads(settings: Settings, consumer: Consumer) -> None:
    """A message that is read again after its commit is refused, even in a new epoch, which begins at any offset."""

    def batch(first: int, end: int, epoch: int) -> Batch:
        offsets = list(range(first, end))
        raw = RawBatch(settings.topic.transactions, [b""] * len(offsets), [PARTITION] * len(offsets), offsets)
        metadata = consumer.consumer_group_metadata()
        return Batch([], raw, metadata, epoch=epoch, start={}, end={PARTITION: end}, read_at=time.monotonic())

    outputs: Outputs = {settings.topic.decisions: [{"value": b"{}", "partition": PARTITION}]}
    sink = opened(settings)
    sink.commit(batch(0, 500, epoch=0), outputs)
    for first in (0, 499):
        with pytest.raises(BatchRefusedError, match=f"offset {first} was read again, but offsets up to 500 are"):
            sink.commit(batch(first, 1_000, epoch=1), outputs)
    sink.commit(batch(500, 1_000, epoch=2), outputs)
    sink.close()
    assert len(read_all(settings.kafka.bootstrap, settings.topic.decisions)) == 2


def test_a_batch_that_leaves_out_messages_is_refused(settings: Settings, consumer: Consumer) -> None:
    """If an earlier batch of the same epoch was not committed, its messages would be skipped for good."""

    def batch(start: int, end: int) -> Batch:
        raw = RawBatch(settings.topic.transactions, [], [], [])
        metadata = consumer.consumer_group_metadata()
        starts = {PARTITION: start}
        return Batch([], raw, metadata, epoch=0, start=starts, end={PARTITION: end}, read_at=time.monotonic())

    outputs: Outputs = {settings.topic.decisions: [{"value": b"{}", "partition": PARTITION}]}
    sink = opened(settings)
    sink.commit(batch(0, 10), outputs)
    with pytest.raises(BatchRefusedError, match="the batch starts at 20, but the last commit ended at 10"):
        sink.commit(batch(20, 30), outputs)
    sink.commit(batch(10, 20), outputs)
    sink.close()


def test_a_commit_that_fails_during_a_stop_connects_no_new_producer(settings: Settings) -> None:
    """The next start, or the broker, aborts the transaction; a new producer would only delay the stop."""
    aborts: list[None] = []
    sink = TransactionalSink(settings.kafka, settings.worker, settings.topic.decisions, lambda: aborts.append(None))
    sink.open()
    producers = list(sink._producers)
    sink.close()
    with pytest.raises(BatchRefusedError, match=r"transaction not committed: .*too large"):
        sink.send({settings.topic.decisions: [{"value": b"x" * 5_000_000}]})
    assert sink._producers == producers
    assert len(aborts) == 1


def test_a_stop_ends_the_wait_for_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sink that opens while no broker responds retries until it is closed."""
    monkeypatch.setattr(clients, "ATTEMPT_S", 0.1)
    monkeypatch.setattr(transaction_calls, "CALL_S", 0.1)
    kafka, worker = unreachable_kafka(), Settings().worker
    sink = TransactionalSink(kafka, worker, "decisions", on_abort=lambda: None)
    threading.Timer(0.3, sink.close).start()
    with pytest.raises(BatchRefusedError, match="stopped while Kafka was unavailable"):
        sink.open()


def test_a_transactional_id_that_the_broker_rejects_is_an_error(make_settings: Callable[..., Settings]) -> None:
    """The worker ends with the broker's reason instead of retrying forever; here, the broker's limit of 15 minutes."""
    settings = make_settings()
    worker = msgspec.structs.replace(settings.worker, transaction_timeout_ms=1_000_000)
    sink = TransactionalSink(settings.kafka, worker, "decisions", on_abort=lambda: None)
    with pytest.raises(FraudError, match=r"Kafka rejects the transactional id .*imeout.*; grant the user Write"):
        sink.open()

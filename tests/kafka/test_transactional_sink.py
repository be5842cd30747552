"""The transactional sink when another worker uses its slot, and when a message is read twice."""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer

from schemas.errors import BatchRefusedError, FencedError
from stream.kafka.batch import Batch
from stream.kafka.clients import consumer_config
from stream.kafka.sink import Outputs
from stream.kafka.transactional_sink import TransactionalSink
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings
from tests.support.topics import read_all

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

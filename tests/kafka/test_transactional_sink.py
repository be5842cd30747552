"""The transactional sink when another worker uses its slot."""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer

from schemas.errors import FencedError
from stream.kafka.batch import Batch
from stream.kafka.clients import consumer_config
from stream.kafka.sink import Outputs
from stream.kafka.transactional_sink import TransactionalSink
from stream.scoring.raw_batch import RawBatch
from stream.settings import Settings

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

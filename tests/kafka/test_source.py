"""How the batch source handles errors and rebalances, and which offsets it commits."""

from concurrent.futures import Future
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka import KafkaError as Code

from schemas.errors import KafkaError
from stream.kafka import group_member
from stream.kafka.batch import Batch
from stream.kafka.clients import consumer_config
from stream.kafka.source import BatchSource
from stream.settings import KafkaSettings, Settings
from tests.support.topics import produce_all
from tests.support.unreachable import unreachable_kafka
from tests.support.until import until


@pytest.fixture
def source() -> BatchSource:
    """A batch source that is not started and sends no requests."""
    return BatchSource(unreachable_kafka(), offer=Mock(), on_error=Mock(), topic="transactions", group="group")


def error_message(code: int) -> Any:
    """Return an error as librdkafka delivers it, as a mock: such an error cannot be provoked at will."""
    return Mock(error=Mock(return_value=Code(code)))


def test_a_missing_permission_ends_the_worker_with_a_fix(source: BatchSource) -> None:
    """If a permission is missing, the worker ends with an error that names it, because retrying does not help."""
    with pytest.raises(KafkaError, match=r"cannot read .*; grant the user Read on the topic and on group"):
        source._note_error(error_message(Code.TOPIC_AUTHORIZATION_FAILED))


def test_an_error_that_the_client_retries_is_skipped(source: BatchSource) -> None:
    """An error that the client retries neither ends the source nor becomes part of the batch."""
    assert source._note_error(error_message(Code._ALL_BROKERS_DOWN)) is False


def test_messages_of_two_assignments_form_no_batch(source: BatchSource) -> None:
    """If partitions move while a batch is read, its messages are dropped and read again. The consumer is fake."""
    message = Mock(error=Mock(return_value=None))

    def rebalance(*_: object) -> list[Any]:
        source._set_assignment([0])
        return [message]

    source._consumer.close()
    source._consumer = Mock(poll=Mock(return_value=message), consume=rebalance)
    assert source._read() is None
    assert source._rewind_wanted


def test_an_error_that_ends_reading_ends_the_worker(source: BatchSource) -> None:
    """The client's own failure reaches the worker, with a hint, and the consumer is closed. The consumer is fake."""
    source._consumer.close()
    consumer = Mock(poll=Mock(side_effect=KafkaException(Code(Code._FATAL, "failed"))))
    on_error = Mock()
    source._consumer, source._on_error = consumer, on_error
    source.set_reading(enabled=True)
    source._run()
    (error,) = on_error.call_args.args
    with pytest.raises(KafkaError, match="reading transactions: failed; check the broker and its log"):
        raise error
    consumer.close.assert_called_once()


@pytest.mark.parametrize("failure", ["no response", "the partition's own error"])
def test_a_rewind_is_retried_until_the_committed_offsets_are_known(
    source: BatchSource, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    """Until then everything that is read is dropped: reading on from another offset would skip messages."""
    monkeypatch.setattr(group_member, "COMMITTED_S", 0.1)
    if failure == "no response":
        source._consumer.assign([TopicPartition("transactions", 0)])
    else:  # the consumer is fake: such an error cannot be provoked at will
        source._consumer.close()
        partition = Mock(error=Code(Code.UNSTABLE_OFFSET_COMMIT))
        source._consumer = Mock(committed=Mock(return_value=[partition]))
    source.fail()
    source._rewind_if_wanted()
    assert source._rewind_wanted
    source._consumer.close()


def committed(kafka: KafkaSettings, topic: str) -> int:
    """Return the offset that the group has committed for partition 0."""
    consumer = Consumer(consumer_config(kafka) | {"group.id": kafka.group})
    (partition,) = consumer.committed([TopicPartition(topic, 0)], timeout=10)
    consumer.close()
    return int(partition.offset)


def test_offsets_of_consumed_batches_are_committed_to_the_group(settings: Settings) -> None:
    """At-least-once delivery: only offsets passed to `commit` are committed, and none of a batch that became stale."""
    topic, bootstrap = settings.topic.transactions, settings.kafka.bootstrap
    batches: list[Batch] = []

    def offer(batch: Batch) -> "Future[None]":
        batches.append(batch)
        accepted: Future[None] = Future()
        accepted.set_result(None)
        return accepted

    source = BatchSource(settings.kafka, offer, Mock(), topic=topic, group=settings.kafka.group)
    source.set_reading(enabled=True)
    produce_all(bootstrap, topic, [(None, b"1")], partition=0)
    with source:
        until(lambda: len(batches) == 1, 30)
        source.commit(batches[0])
        source.done()
        until(lambda: committed(settings.kafka, topic) == 1, 30)
        produce_all(bootstrap, topic, [(None, b"2")], partition=0)
        until(lambda: len(batches) == 2, 30)
        source.fail()
        source.commit(batches[1])
        source.done()
        until(lambda: len(batches) == 3, 30)  # the stale batch is read again
        source.done()
    assert [batch.end for batch in batches] == [{0: 1}, {0: 2}, {0: 2}]
    assert committed(settings.kafka, topic) == 1

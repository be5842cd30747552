"""The lag of a consumer group, also while its coordinator refuses queries."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.errors import BrokerUnavailableError
from stream.kafka.clients import consumer_config
from stream.kafka.lag import LagReader
from stream.local.broker import LocalBroker
from stream.settings import Settings
from tests.support.topics import produce_all
from tests.support.unreachable import unreachable_kafka

#: Seconds that the queries go on before and after each restart of the broker.
QUERIES_S = 2.0
#: Program that queries the lag without a pause, on several threads and for a different group on each.
QUERIES = """
import contextlib, sys, threading
from schemas.errors import BrokerUnavailableError
from stream.kafka.lag import LagReader
from stream.settings import KafkaSettings

def query(group):
    reader = LagReader(KafkaSettings(bootstrap=sys.argv[1]), "transactions", group)
    while True:
        with contextlib.suppress(BrokerUnavailableError):
            reader.lag({0: None}, 1.0)

for n in range(12):
    threading.Thread(target=query, args=(f"group-{n}",)).start()
"""


@pytest.fixture
def queries(own_broker: LocalBroker) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that queries the lag all the time. It is one of its own, because a crash would end the tests."""
    admin = AdminClient({"bootstrap.servers": own_broker.bootstrap})
    admin.create_topics([NewTopic("transactions", 1)])["transactions"].result(10)
    with subprocess.Popen([sys.executable, "-c", QUERIES, own_broker.bootstrap]) as process:
        yield process
        process.kill()


def test_a_coordinator_that_refuses_queries_ends_no_process(
    own_broker: LocalBroker, queries: "subprocess.Popen[bytes]"
) -> None:
    """While a broker starts, it coordinates groups but does not know their offsets yet. No client crashes over that."""
    time.sleep(QUERIES_S)
    for _ in range(2):
        own_broker.stop()
        own_broker.start()
        time.sleep(QUERIES_S)
    assert queries.poll() is None


def test_the_lag_counts_from_the_committed_offset_until_something_is_read(settings: Settings) -> None:
    """A partition without a position counts from the committed offset, and one without that from its beginning."""
    kafka, topic = settings.kafka, settings.topic.transactions
    produce_all(kafka.bootstrap, topic, [(None, b"1")] * 5, partition=0)
    produce_all(kafka.bootstrap, topic, [(None, b"1")] * 3, partition=1)
    consumer = Consumer(consumer_config(kafka) | {"group.id": kafka.group})
    consumer.commit(offsets=[TopicPartition(topic, 0, 4)], asynchronous=False)
    consumer.close()
    reader = LagReader(kafka, topic, kafka.group)
    assert reader.lag({0: None, 1: None}, 10) == 1 + 3
    assert reader.lag({0: 2, 1: 3}, 10) == 3


def test_without_a_broker_there_is_no_lag() -> None:
    """A broker that does not respond is reported within the time limit of the query."""
    reader = LagReader(unreachable_kafka(), "transactions", "group")
    for positions in ({}, {0: None}, {0: 1}):
        began = time.monotonic()
        with pytest.raises(BrokerUnavailableError, match="Kafka is not responding"):
            reader.lag(positions, 0.5)
        assert time.monotonic() - began < 5

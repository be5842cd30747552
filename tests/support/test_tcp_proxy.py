"""The proxy that fault tests put between client and broker loses exactly the chosen responses."""

import threading
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from stream.local.broker import LocalBroker
from stream.runtime.ports import free_port
from tests.support.tcp_proxy import END_TXN, TcpProxy
from tests.support.topics import create_topic, produce_all, read_all
from tests.support.until import until


@pytest.fixture(scope="module")
def proxied() -> Iterator[tuple[LocalBroker, TcpProxy]]:
    """A broker and the proxy in front of it."""
    port = free_port()
    with LocalBroker(advertised_port=port, brief=True) as broker, TcpProxy(port, broker.port) as proxy:
        yield broker, proxy


def test_forwards_everything(proxied: tuple[LocalBroker, TcpProxy], topic: str) -> None:
    """Clients that use the advertised address write and read messages through the proxy."""
    broker, _ = proxied
    create_topic(broker.bootstrap, topic)
    sent = [(b"card", b"%d" % n + b"x" * 1000) for n in range(5_000)]
    produce_all(broker.bootstrap, topic, sent)
    assert [(message.key(), message.value()) for message in read_all(broker.bootstrap, topic)] == sent


def test_loses_the_response_of_a_commit(proxied: tuple[LocalBroker, TcpProxy], topic: str) -> None:
    """The broker commits, the client loses its connection before the response, and its retry succeeds."""
    broker, proxy = proxied
    create_topic(broker.direct, topic)
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap, "transactional.id": topic, "reconnect.backoff.max.ms": 100}
    )
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce(topic, b"once")
    producer.flush(10)

    proxy.lose_response(END_TXN)
    commit = threading.Thread(target=producer.commit_transaction, args=(20,))
    commit.start()
    assert proxy.wait_lost(10)
    # Kafka responds once the commit is certain, and makes it visible to readers a moment later.
    until(lambda: [message.value() for message in read_all(broker.direct, topic)] == [b"once"])
    commit.join(20)
    assert not commit.is_alive()
    assert len(read_all(broker.direct, topic)) == 1


def test_holds_responses(proxied: tuple[LocalBroker, TcpProxy], topic: str) -> None:
    """Held responses arrive after the release; the broker has executed the requests in the meantime."""
    broker, proxy = proxied
    create_topic(broker.direct, topic)
    acknowledged: list[object] = []
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
    assert producer.list_topics(topic, timeout=10)
    proxy.hold()
    producer.produce(topic, b"held", on_delivery=lambda error, _: acknowledged.append(error))
    assert producer.flush(1) == 1
    assert acknowledged == []
    proxy.release()
    assert producer.flush(10) == 0
    assert acknowledged == [None]
    assert len(read_all(broker.direct, topic)) == 1


def test_refuses_and_accepts_connections(proxied: tuple[LocalBroker, TcpProxy], topic: str) -> None:
    """A client whose connections are closed and refused waits, and resumes when it can connect again."""
    broker, proxy = proxied
    create_topic(broker.direct, topic)
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap,
            "enable.idempotence": True,
            "reconnect.backoff.max.ms": 100,
            "log_level": 0,
        }
    )
    assert producer.list_topics(topic, timeout=10)
    proxy.refuse()
    producer.produce(topic, b"late")
    assert producer.flush(1) == 1
    assert AdminClient({"bootstrap.servers": broker.direct}).list_topics(timeout=10).brokers
    proxy.accept()
    assert producer.flush(10) == 0
    assert [message.value() for message in read_all(broker.direct, topic)] == [b"late"]

"""The only writer of a topic while Kafka responds late or not at all, and when its caller fails."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.errors import RolesError, StaleEpochError, TransactionError
from schemas.messages import BundleRef, ModelUpdate
from stream.control.role_reader import current_roles
from stream.control.role_writer import change_roles
from stream.kafka import clients, sole_writer, transaction_calls
from stream.kafka.clients import client_config, consumer_config, producer_config
from stream.kafka.sole_writer import sole_transactions
from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.runtime.ports import free_port
from stream.settings import KafkaSettings, Settings
from tests.support.tcp_proxy import END_TXN, PRODUCE, TcpProxy
from tests.support.unreachable import unreachable_kafka
from tests.support.until import until

CHAMPION = BundleRef("fraud", "1", "fraud/1", "0" * 64)


@pytest.fixture(scope="module")
def proxied() -> Iterator[tuple[LocalBroker, TcpProxy]]:
    """A broker and the proxy in front of it."""
    port = free_port()
    with LocalBroker(advertised_port=port, brief=True) as broker, TcpProxy(port, broker.port) as proxy:
        yield broker, proxy


@pytest.fixture
def behind_proxy(proxied: tuple[LocalBroker, TcpProxy], make_settings: Callable[..., Settings]) -> Settings:
    """Settings whose topics exist on the broker behind the proxy."""
    made = make_settings(kafka_bootstrap=proxied[0].bootstrap)
    create_topics(made.kafka, made.topic)
    return made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that gives up after a second."""
    monkeypatch.setattr(transaction_calls, "CALL_S", 0.2)
    monkeypatch.setattr(sole_writer, "CALL_S", 0.2)
    monkeypatch.setattr(sole_writer, "COMMIT_S", 1.0)


def write_roles(settings: Settings, before_write: Callable[[], object]) -> ModelUpdate:
    """Publish a champion, and call a function once the writer has read the topic and is about to write."""

    def change(_: ModelUpdate | None) -> ModelUpdate:
        before_write()
        return ModelUpdate(1, CHAMPION, 0, "")

    return change_roles(settings.kafka, settings.topic, change, author="test")


def has_open_transaction(kafka: KafkaSettings, topic: str) -> bool:
    """Return whether readers of committed messages wait at the topic's end."""
    ends = []
    for isolation in ("read_committed", "read_uncommitted"):
        consumer = Consumer(consumer_config(kafka) | {"group.id": "test", "isolation.level": isolation})
        ends.append(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1])
        consumer.close()
    return ends[0] != ends[1]


@pytest.mark.parametrize("held_s", [1.0, pytest.param(12.0, marks=pytest.mark.slow)])
def test_a_late_acknowledgement_is_awaited(
    proxied: tuple[LocalBroker, TcpProxy], behind_proxy: Settings, monkeypatch: pytest.MonkeyPatch, held_s: float
) -> None:
    """The roles are written even if the broker takes longer than several calls to acknowledge them."""
    monkeypatch.setattr(sole_writer, "CALL_S", held_s / 5)
    monkeypatch.setattr(transaction_calls, "CALL_S", held_s / 5)
    _, proxy = proxied

    def hold() -> None:
        proxy.hold()
        threading.Timer(held_s, proxy.release).start()

    began = time.monotonic()
    written = write_roles(behind_proxy, hold)
    assert time.monotonic() - began >= held_s
    assert current_roles(behind_proxy.kafka, behind_proxy.topic) == written


@pytest.mark.usefixtures("impatient")
def test_what_was_never_acknowledged_was_not_written(
    proxied: tuple[LocalBroker, TcpProxy], behind_proxy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an acknowledgement no commit is sent, so the error says that nothing was written."""
    monkeypatch.setattr(sole_writer, "CONNECT_S", 1.0)
    _, proxy = proxied
    try:
        with pytest.raises(RolesError, match=r"the roles were not written \(messages not acknowledged"):
            write_roles(behind_proxy, lambda: proxy.mute(PRODUCE))
    finally:
        proxy.mute(None)
    assert write_roles(behind_proxy, lambda: None).epoch == 1


@pytest.mark.usefixtures("impatient")
def test_a_commit_without_a_response_may_have_been_written(
    proxied: tuple[LocalBroker, TcpProxy], behind_proxy: Settings
) -> None:
    """After a commit was sent, the writer cannot tell; the next writer reads what became of it."""
    _, proxy = proxied
    try:
        with pytest.raises(RolesError, match="cannot tell whether the roles were written"):
            write_roles(behind_proxy, lambda: proxy.mute(END_TXN))
    finally:
        proxy.mute(None)
    assert write_roles(behind_proxy, lambda: None).epoch == 2


@pytest.mark.usefixtures("impatient")
def test_the_error_names_the_cause(proxied: tuple[LocalBroker, TcpProxy], behind_proxy: Settings) -> None:
    """A time-out carries the last line that the client logged, because the time-out itself says nothing."""
    _, proxy = proxied
    try:
        with pytest.raises(RolesError, match=r"the client's last log line is: .*[Dd]isconnected"):
            write_roles(behind_proxy, proxy.refuse)
    finally:
        proxy.accept()


def test_a_writer_that_is_fenced_at_its_commit_writes_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another writer takes over between the acknowledgements and the commit, the error is that of a lost race."""
    call_until = transaction_calls.call_until

    def fence_first(call: Callable[[float], object], deadline: float) -> None:
        if call.__name__ == "commit_transaction":
            monkeypatch.undo()
            with sole_transactions(settings.kafka, settings.topic.model_updates):
                pass
        call_until(call, deadline)

    monkeypatch.setattr(sole_writer, "call_until", fence_first)
    with pytest.raises(StaleEpochError, match="another writer changed the roles"):
        write_roles(settings, lambda: None)
    assert current_roles(settings.kafka, settings.topic) is None


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_of_the_caller_leaves_no_open_transaction(settings: Settings, failure: type[BaseException]) -> None:
    """If the iterable of messages raises, the messages before it are aborted and block no reader."""
    topic = settings.topic.retrain_requests
    writable = {"topic": topic, "value": b"x", "partition": 0}

    with sole_transactions(settings.kafka, topic) as transact:

        def messages() -> Iterator[dict[str, Any]]:
            yield writable
            # Until the broker has the message, which opens the transaction on the partition.
            until(lambda: has_open_transaction(settings.kafka, topic), 10)
            raise failure

        with pytest.raises(failure):
            transact(messages())
        # Long before the broker would abort it. The broker responds a moment before it ends the transaction.
        until(lambda: not has_open_transaction(settings.kafka, topic), 10)
        transact([writable])


def test_a_message_that_is_too_large_is_not_written(settings: Settings) -> None:
    """The client rejects the message; the transaction is aborted and the writer can be used again."""
    topic = settings.topic.retrain_requests
    with sole_transactions(settings.kafka, topic) as transact:
        with pytest.raises(TransactionError) as raised:
            transact([{"topic": topic, "value": b"x" * 5_000_000, "partition": 0}])
        assert raised.value.written_nothing
        assert not raised.value.fenced
        transact([{"topic": topic, "value": b"x", "partition": 0}])


def test_a_broker_that_is_lost_before_the_first_write_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller learns that nothing was written and that it may try again. The broker's first response is faked."""
    monkeypatch.setattr(clients, "ATTEMPT_S", 0.1)
    monkeypatch.setattr(transaction_calls, "CALL_S", 0.1)
    monkeypatch.setattr(sole_writer, "CONNECT_S", 0.2)
    monkeypatch.setattr(sole_writer, "require_broker", lambda _: None)
    with pytest.raises(TransactionError) as raised, sole_transactions(unreachable_kafka(), "model-updates"):
        pass
    assert raised.value.written_nothing
    assert raised.value.unavailable


def test_messages_that_cannot_be_read_yet_are_written(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If another program's transaction hides the messages, the writer stops waiting and reports no failure."""
    topic = settings.topic.retrain_requests
    other = Producer(producer_config(settings.kafka) | {"transactional.id": f"{topic}-other"})
    other.init_transactions(10)
    other.begin_transaction()
    other.produce(topic, b"other", partition=0)
    other.flush(10)
    with sole_transactions(settings.kafka, topic) as transact:
        monkeypatch.setattr(sole_writer, "CONNECT_S", 1.0)
        transact([{"topic": topic, "value": b"x", "partition": 0}])
    assert f"{topic}: written, but not readable within 1 s" in caplog.text
    other.abort_transaction(10)
    until(lambda: not has_open_transaction(settings.kafka, topic), 10)


def test_a_broker_that_is_lost_after_the_commit_is_no_failure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The messages are written, so the caller must not write them again."""
    topic = settings.topic.retrain_requests
    with sole_transactions(settings.kafka, topic) as transact:
        monkeypatch.setattr(sole_writer, "CONNECT_S", 0.2)
        lost = AdminClient(client_config(unreachable_kafka()) | {"log_level": 0})
        monkeypatch.setattr(transact.__self__, "_admin", lost)  # type: ignore[attr-defined]  # the writer's method
        transact([{"topic": topic, "value": b"x", "partition": 0}])
    assert f"{topic}: written, but perhaps not readable yet: " in caplog.text

"""How the producer of the HTTP edge reports failures: each callback is called exactly once, whatever fails."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from schemas.errors import BrokerUnavailableError, BusyError, FraudError
from stream.kafka import acknowledged_producer
from stream.kafka.acknowledged_producer import AcknowledgedProducer, MessageOffset, OutgoingMessage
from tests.support.unreachable import TIMEOUT_MS, limit_producers, unreachable_kafka

MESSAGE = OutgoingMessage("transactions-http", "card", b"{}")
UNAWAITED = MESSAGE._replace(awaited=False)
TOO_LARGE = b"x" * 5_000_000

Result = MessageOffset | FraudError


@contextlib.contextmanager
def _running(on_error: Callable[[BaseException], None]) -> Iterator[AcknowledgedProducer]:
    """Run a producer without a broker. To be called on an event loop."""
    with AcknowledgedProducer(unreachable_kafka(), TIMEOUT_MS, Mock(), on_error) as producer:
        yield producer


def _run(test: Callable[[AcknowledgedProducer], Coroutine[Any, Any, None]]) -> None:
    """Run a test on an event loop, with a producer whose polling thread must not fail."""
    errors: list[BaseException] = []

    async def with_producer() -> None:
        with _running(errors.append) as producer:
            await test(producer)

    asyncio.run(with_producer())
    assert errors == []


@pytest.fixture(autouse=True)
def patient_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer that waits long enough for its messages to fail: the client looks for them once a second."""
    monkeypatch.setattr(acknowledged_producer, "FLUSH_S", 10.0)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Producers whose queues hold a single message."""
    limit_producers(monkeypatch, acknowledged_producer, queue_buffering_max_messages=1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Producers that give up after a moment."""
    limit_producers(monkeypatch, acknowledged_producer)


@pytest.mark.usefixtures("impatient")
def test_a_message_that_is_not_acknowledged_in_time_fails() -> None:
    """Without a broker, the callback and the waiting caller get an error, and nothing stays outstanding."""

    async def test(producer: AcknowledgedProducer) -> None:
        results: list[Result] = []
        producer.produce(MESSAGE, results.append)
        with pytest.raises(BrokerUnavailableError, match=r"^Kafka has not acknowledged the message \(.*\); try again$"):
            await producer.produce_and_wait([MESSAGE, MESSAGE])
        await producer.drain()
        assert [type(each) for each in results] == [BrokerUnavailableError]

    _run(test)


@pytest.mark.usefixtures("full")
def test_a_full_queue_is_an_error_at_once() -> None:
    """A message that does not fit fails immediately, while the first one is still queued."""

    async def test(producer: AcknowledgedProducer) -> None:
        results: list[Result] = []
        producer.produce(MESSAGE, results.append)
        producer.produce(MESSAGE, results.append)
        assert [type(each) for each in results] == [BusyError]
        with pytest.raises(BusyError, match="the queue to Kafka is full; try again later"):
            await producer.produce_and_wait([MESSAGE])
        await producer.drain()
        assert [type(each) for each in results] == [BusyError, BrokerUnavailableError]

    _run(test)


@pytest.mark.usefixtures("full")
def test_several_messages_report_only_their_first_failure() -> None:
    """The first message stays queued and fails later, but the callback has already received the second's failure."""

    async def test(producer: AcknowledgedProducer) -> None:
        results: list[FraudError | None] = []
        producer.produce_all([MESSAGE, MESSAGE], results.append)
        await producer.drain()
        assert [type(each) for each in results] == [BusyError]

    _run(test)


@pytest.mark.usefixtures("impatient")
def test_a_message_that_is_too_large_is_rejected() -> None:
    """The client itself rejects the message, and the error says why."""

    async def test(producer: AcknowledgedProducer) -> None:
        with pytest.raises(BrokerUnavailableError, match=r"client rejected a message for transactions-http: .*large"):
            await producer.produce_and_wait([MESSAGE._replace(value=TOO_LARGE)])

    _run(test)


@pytest.mark.usefixtures("impatient")
def test_failures_of_messages_that_nobody_awaits_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Alerts and shadow scores may fail at once or later; the response to the caller does not depend on them."""

    async def test(producer: AcknowledgedProducer) -> None:
        with pytest.raises(BrokerUnavailableError, match="has not acknowledged"):
            await producer.produce_and_wait([UNAWAITED._replace(value=TOO_LARGE), UNAWAITED, MESSAGE])

    _run(test)
    lines = [record.message for record in caplog.records if record.name == acknowledged_producer.__name__]
    assert len(lines) == 2
    assert "large" in lines[0]
    assert all(line.startswith("a message for transactions-http was not written: ") for line in lines)


@pytest.mark.usefixtures("impatient")
def test_a_callback_that_fails_hides_no_other_acknowledgement(caplog: pytest.LogCaptureFixture) -> None:
    """The failure is logged, and the callback of the next message is still called."""

    async def test(producer: AcknowledgedProducer) -> None:
        results: list[Result] = []
        producer.produce(MESSAGE, Mock(side_effect=RuntimeError))
        producer.produce(MESSAGE, results.append)
        await producer.drain()
        assert len(results) == 1

    _run(test)
    assert "the callback of an acknowledged message failed" in caplog.text


@pytest.mark.usefixtures("impatient")
def test_a_caller_that_has_gone_away_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """A caller may be cancelled before its messages are acknowledged. The producer goes on."""

    async def test(producer: AcknowledgedProducer) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(producer.produce_and_wait([MESSAGE]), TIMEOUT_MS / 10_000)
        await producer.drain()

    _run(test)
    assert "callback" not in caplog.text


@pytest.mark.usefixtures("impatient")
def test_an_acknowledgement_without_an_offset_is_a_failure() -> None:
    """A decision must carry its own transaction's offset. Kafka leaves it out if it already had a retried message.

    The message is a mock: a broker cannot be made to leave the offset out.
    """

    async def test(producer: AcknowledgedProducer) -> None:
        results: list[Result] = []
        for partition, offset in ((0, None), (None, 7), (0, 7)):
            message = Mock(Message, partition=Mock(return_value=partition), offset=Mock(return_value=offset))
            producer._on_delivery(results.append, None, message)
        producer._run_callbacks()
        assert [type(each) for each in results[:2]] == [BrokerUnavailableError] * 2
        assert results[2] == MessageOffset(0, 7)

    _run(test)


@pytest.mark.parametrize(
    ("failure", "reported"),
    [
        (KafkaException(KafkaError(KafkaError._FATAL, "out of order")), "Kafka's client has failed .*; restart"),
        (RuntimeError("polling"), "polling"),
    ],
)
def test_an_error_that_ends_the_polling_thread_ends_the_program(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, reported: str
) -> None:
    """Without its thread the producer would acknowledge nothing, so the program must end, and be started again.

    The client is fake: a real one fails fatally only if the broker loses its state.
    """
    monkeypatch.setattr(acknowledged_producer, "Producer", lambda _: Mock(poll=Mock(side_effect=failure)))
    errors: list[BaseException] = []

    async def test() -> None:
        with _running(errors.append):
            pass

    # A thread that is asked to stop before it polls does not fail.
    while not errors:
        asyncio.run(test())
    (error,) = errors
    with pytest.raises(type(error), match=reported):
        raise error

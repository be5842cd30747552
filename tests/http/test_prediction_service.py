"""The stages of the prediction service, with the batcher and the producer replaced by stubs."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any
from unittest.mock import MagicMock

import msgspec
import pytest

from schemas.errors import (
    BrokerUnavailableError,
    BusyError,
    DeadlineExceededError,
    FraudError,
    NotDecidedError,
    TransactionIdReusedError,
)
from schemas.messages import Decision
from stream.http.idempotency import IdempotencyCache, request_digest
from stream.http.metrics import HttpMetrics
from stream.http.micro_batcher import OnScored, ScoredTransaction
from stream.http.prediction_service import PredictionService
from stream.kafka.acknowledged_producer import MessageOffset, OnAcknowledged, OnAllAcknowledged, OutgoingMessage
from stream.settings import Settings
from tests.support.records import decision
from tests.support.traffic import transaction

UNAVAILABLE = BrokerUnavailableError("Kafka has not acknowledged the message")


class _Edge:
    """A prediction service whose scoring and acknowledgements the test triggers.

    Attributes:
        scored: Callbacks of the queued transactions, which receive the results of scoring.
        recorded: Produced transactions, each with its callback.
        decided: Produced decisions, with their alerts and shadow scores, and their callbacks.
    """

    def __init__(self, **overrides: Any) -> None:
        settings = Settings().replace(**overrides)
        self.metrics = HttpMetrics()
        self.scored: list[OnScored] = []
        self.recorded: list[tuple[OutgoingMessage, OnAcknowledged]] = []
        self.decided: list[tuple[Sequence[OutgoingMessage], OnAllAcknowledged]] = []
        self.responses = IdempotencyCache(settings.http.idempotency_entries, settings.http.idempotency_s)
        self.responses.complete = True
        batcher, producer = MagicMock(), MagicMock()
        batcher.enqueue = lambda _, on_scored: self.scored.append(on_scored)
        producer.produce = lambda *call: self.recorded.append(call)
        producer.produce_all = lambda *call: self.decided.append(call)
        self.service = PredictionService(
            settings.http,
            settings.topic,
            roles=MagicMock(),
            responses=self.responses,
            batcher=batcher,
            producer=producer,
            broker=MagicMock(unavailable=False),
            metrics=self.metrics,
        )

    def predict(self, number: int = 1, *, acknowledged: bool = True, **overrides: Any) -> asyncio.Future[bytes]:
        return self.service.decide(transaction(number, **overrides), acknowledged=acknowledged)

    def counts(self) -> Counter[str]:
        """Return the outcome counters that are not 0, by name and label."""
        samples = [sample for family in self.metrics.registry.collect() for sample in family.samples]
        named = {" ".join([sample.name, *sample.labels.values()]): sample.value for sample in samples}
        wanted = ("prediction_requests_total", "http_unrecorded_decisions_total", "http_idempotent_replays_total")
        return Counter({name: int(value) for name, value in named.items() if value and name.startswith(wanted)})


def _run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_the_response_waits_for_both_acknowledgements() -> None:
    """The transaction's acknowledgement gives the decision its offset; the decision's own resolves the response."""

    async def test() -> None:
        edge = _Edge()
        response = edge.predict()
        edge.scored[0](ScoredTransaction(decision(1), []))
        ((message, on_recorded),) = edge.recorded
        assert (message.topic, message.value) == (Settings().topic.transactions_http, transaction(1))
        on_recorded(MessageOffset(3, 17))
        ((messages, on_decided),) = edge.decided
        assert not response.done()
        on_decided(None)
        assert await response == messages[0].value
        assert messages[0].headers == {"request-digest": request_digest(transaction(1))}
        await asyncio.sleep(0)  # runs the callbacks of the response
        sent = msgspec.json.decode(messages[0].value, type=Decision)
        assert (sent.source_partition, sent.source_offset) == (3, 17)
        assert edge.counts() == {"prediction_requests_total decided": 1}

    _run(test)


@pytest.mark.parametrize("stage", ["scored", "recorded", "decided"])
def test_an_error_at_any_stage_fails_the_response(stage: str) -> None:
    """An error at any stage fails the response, is counted once and prevents further writes; a repeat is possible."""

    async def test() -> None:
        edge = _Edge()
        response = edge.predict()
        edge.scored[0](UNAVAILABLE if stage == "scored" else ScoredTransaction(decision(1), []))
        if stage != "scored":
            edge.recorded[0][1](UNAVAILABLE if stage == "recorded" else MessageOffset(0, 0))
        if stage == "decided":
            edge.decided[0][1](UNAVAILABLE)
        with pytest.raises(BrokerUnavailableError):
            await response
        await asyncio.sleep(0)
        assert (len(edge.recorded), len(edge.decided)) == (stage != "scored", stage == "decided")
        assert edge.counts() == {"prediction_requests_total unanswered": 1}
        edge.predict()
        assert len(edge.scored) == 2

    _run(test)


def test_an_alert_is_recorded_before_its_decision() -> None:
    """A repeat gets a recorded decision as its response, so the alert must have been written by then."""

    async def test() -> None:
        edge = _Edge()
        response = edge.predict()
        alert = decision(901)
        edge.scored[0](ScoredTransaction(alert, []))
        edge.recorded[0][1](MessageOffset(3, 17))
        message, on_recorded = edge.recorded[1]
        assert (message.topic, edge.decided) == (Settings().topic.alerts, [])
        on_recorded(MessageOffset(0, 99))
        ((messages, on_decided),) = edge.decided
        assert [each.topic for each in messages] == [Settings().topic.decisions]
        assert messages[0].value == message.value
        on_decided(None)
        assert await response == message.value

    _run(test)


def test_an_alert_that_is_not_recorded_fails_the_response() -> None:
    """Without the alert there is no decision, so a repeat decides again."""

    async def test() -> None:
        edge = _Edge()
        response = edge.predict()
        edge.scored[0](ScoredTransaction(decision(901), []))
        edge.recorded[0][1](MessageOffset(0, 0))
        edge.recorded[1][1](UNAVAILABLE)
        with pytest.raises(BrokerUnavailableError):
            await response
        assert edge.decided == []

    _run(test)


def test_nothing_is_decided_until_the_earlier_responses_have_been_read() -> None:
    """A repeat of a request that another edge has decided would be decided again."""

    async def test() -> None:
        edge = _Edge()
        edge.responses.complete = False
        with pytest.raises(NotDecidedError, match="has just started"):
            edge.predict()
        edge.responses.complete = True
        edge.predict()
        assert len(edge.scored) == 1

    _run(test)


def test_ack_none_responds_before_the_acknowledgement() -> None:
    """With ack=none, the decision has no offset; only `http_unrecorded_decisions` counts a later failure of Kafka."""

    async def test() -> None:
        edge = _Edge()
        response = edge.predict(acknowledged=False)
        edge.scored[0](ScoredTransaction(decision(1), []))
        assert msgspec.json.decode(await response)["source_offset"] is None
        assert edge.counts() == {}
        edge.recorded[0][1](UNAVAILABLE)
        await asyncio.sleep(0)
        assert edge.counts() == {"http_unrecorded_decisions_total": 1}

    _run(test)


def test_after_the_deadline_nothing_is_recorded() -> None:
    """A transaction that is scored too late has already failed, even with ack=none."""

    async def test() -> None:
        edge = _Edge(http_deadline_ms=10)
        responses = [edge.predict(1), edge.predict(2, acknowledged=False)]
        await asyncio.sleep(0.1)
        for on_scored in edge.scored:
            on_scored(ScoredTransaction(decision(1), []))
        for response in responses:
            with pytest.raises(DeadlineExceededError):
                await response
        assert edge.recorded == []
        assert edge.counts() == {"prediction_requests_total unanswered": 2}

    _run(test)


def test_a_late_acknowledgement_does_not_respond_twice() -> None:
    """A decision acknowledged after the deadline does not respond again, because the response has already failed."""

    async def test() -> None:
        edge = _Edge(http_deadline_ms=10)
        response = edge.predict()
        edge.scored[0](ScoredTransaction(decision(1), []))
        edge.recorded[0][1](MessageOffset(0, 0))
        await asyncio.sleep(0.1)
        edge.decided[0][1](None)
        with pytest.raises(DeadlineExceededError):
            await response
        assert edge.counts() == {"prediction_requests_total unanswered": 1}

    _run(test)


def test_a_repeat_shares_the_response() -> None:
    """A repeat gets the same response during and after the first request; a different body is rejected."""

    async def test() -> None:
        edge = _Edge()
        first, in_flight = edge.predict(), edge.predict(acknowledged=False)
        edge.scored[0](ScoredTransaction(decision(1), []))
        edge.recorded[0][1](MessageOffset(0, 0))
        edge.decided[0][1](None)
        assert await first == await in_flight == await edge.predict()
        await asyncio.sleep(0)
        with pytest.raises(TransactionIdReusedError):
            edge.predict(amount_minor=99)
        assert len(edge.scored) == 1
        assert edge.counts() == {
            "prediction_requests_total decided": 1,
            "prediction_requests_total refused": 1,
            "http_idempotent_replays_total": 2,
        }

    _run(test)


def test_the_in_flight_limit_is_released_by_every_outcome() -> None:
    """A failed transaction frees its capacity, as a decided transaction does."""

    async def test() -> None:
        edge = _Edge(http_max_in_flight=1)
        failed = edge.predict(1)
        with pytest.raises(BusyError):
            edge.predict(2)
        edge.scored[0](FraudError("no"))
        with pytest.raises(FraudError):
            await failed
        await asyncio.sleep(0)
        edge.predict(2)
        assert len(edge.scored) == 2

    _run(test)


def test_a_caller_that_has_gone_away_frees_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """A cancelled response is neither a decision nor a failure, and its transaction is no longer in flight."""

    async def test() -> None:
        edge = _Edge(http_max_in_flight=1)
        edge.predict(1).cancel()
        await asyncio.sleep(0)
        assert edge.counts() == {}
        edge.predict(2)  # does not raise BusyError
        assert len(edge.scored) == 2

    _run(test)
    assert caplog.messages == []  # asyncio logs an error in a callback

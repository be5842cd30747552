"""The path of a transaction over HTTP, from the request's body to a decision that Kafka has acknowledged.

Each stage is a method of `PredictionService`. The stages run in this order:

1. `decide`: check the broker, parse, look up an earlier response, admit, queue for scoring;
2. `_record_transaction`: the transaction is scored; write it to Kafka;
3. `_record_alert`: Kafka has the transaction, so its offset is known; write the alert, if the decision is one;
4. `_record_decision`: Kafka has the alert; write the decision and its shadow scores;
5. `_respond`: Kafka has the decision; resolve the response.

Each stage runs as a callback of the previous stage: a task or an await would add event-loop iterations to every
response.
"""

import asyncio
import time
from functools import partial

import msgspec
from msgspec.structs import asdict

from schemas.errors import BrokerUnavailableError, BusyError, DeadlineExceededError, FraudError, NotDecidedError
from schemas.messages import encode
from stream.http.deadline import ResponseDeadline
from stream.http.idempotency import IdempotencyCache, request_digest
from stream.http.metrics import HttpMetrics
from stream.http.micro_batcher import MicroBatcher, ScoredTransaction
from stream.http.pending_prediction import PendingPrediction
from stream.http.prediction_request import PredictionRequest, parse_request
from stream.http.recorded_responses import REQUEST_DIGEST
from stream.kafka.acknowledged_producer import AcknowledgedProducer, MessageOffset, OutgoingMessage
from stream.kafka.broker_monitor import BrokerMonitor
from stream.scoring.decision_id import with_source_position
from stream.serving.role_follower import RoleFollower
from stream.serving.tracing import set_transaction_id
from stream.settings import HttpSettings, TopicSettings

#: Fields of a decision that are null until Kafka has the transaction.
OFFSET_FIELDS = ("decision_id", "source_partition", "source_offset")


class PredictionService:
    """Decides transactions for synchronous callers. Every method runs on the event loop.

    Args:
        http: Settings with the deadline and the limit on transactions in flight.
        topics: Names of the topics to write to.
        roles: Provides the champion in use, whose manifest names the features in a bare list.
        responses: Recent responses, for repeats.
        batcher: Scores transactions.
        producer: Writes transactions and decisions to Kafka.
        broker: Monitor of the broker's availability.
        metrics: Metrics of the edge.
    """

    def __init__(
        self,
        http: HttpSettings,
        topics: TopicSettings,
        *,
        roles: RoleFollower,
        responses: IdempotencyCache,
        batcher: MicroBatcher,
        producer: AcknowledgedProducer,
        broker: BrokerMonitor,
        metrics: HttpMetrics,
    ) -> None:
        self._topics = topics
        self._roles = roles
        self._responses = responses
        self._batcher = batcher
        self._producer = producer
        self._broker = broker
        self._metrics = metrics
        self._deadline = ResponseDeadline(http.deadline_ms / 1000)
        self._max_in_flight = http.max_in_flight
        self._in_flight = 0

    def decide(self, body: bytes, *, acknowledged: bool) -> asyncio.Future[bytes]:
        """Decide one transaction.

        Args:
            body: Body of the request as JSON, in a form that `parse_request` accepts.
            acknowledged: Whether to respond only when Kafka has the transaction and its decision. A decision sent
                earlier has no offset yet.

        Returns:
            The decision as JSON; if acknowledged, the same bytes as on the decisions topic. Other callers may wait for
            the same future, so it must not be cancelled. It fails with RefusedMessageError if the transaction cannot
            be scored, and with NotDecidedError or BrokerUnavailableError if it was not decided and recorded in time;
            then it is safe to try again.

        Raises:
            FraudError: One of the errors above, if it is detected immediately.
            TransactionIdReusedError: If a different transaction has used the same id.
        """
        received_s = time.perf_counter()
        try:
            self._require_broker()
            self._require_responses()
            request = self._parse(body)
            digest = request_digest(body)
            earlier = self._responses.find(request.transaction_id, digest)
            if earlier is not None:
                self._metrics.replayed()
                return earlier  # even with ack=none, because it has usually completed already
            self._require_capacity()
        except FraudError as error:
            self._metrics.failed(error)
            raise
        pending = self._admit(request, digest, received_s, acknowledged=acknowledged)
        self._batcher.enqueue(request.value, partial(self._record_transaction, pending))
        return pending.early_response or pending.response

    def _require_broker(self) -> None:
        if self._broker.unavailable:
            raise BrokerUnavailableError("Kafka is unavailable, so nothing can be decided; try again")

    def _require_responses(self) -> None:
        if not self._responses.complete:
            raise NotDecidedError("this edge has just started and reads the responses of all edges; try again")

    def _parse(self, body: bytes) -> PredictionRequest:
        plan = self._roles.deciding().roles.champion.model.plan
        request = parse_request(body, plan, time.time_ns() // 1_000_000)
        set_transaction_id(request.transaction_id)
        return request

    def _require_capacity(self) -> None:
        if self._in_flight >= self._max_in_flight:
            raise BusyError(
                f"{self._max_in_flight} transactions are in flight (FRAUD_HTTP_MAX_IN_FLIGHT); try again later"
            )

    def _admit(
        self, request: PredictionRequest, digest: bytes, received_s: float, *, acknowledged: bool
    ) -> PendingPrediction:
        loop = asyncio.get_running_loop()
        early = None if acknowledged else loop.create_future()
        pending = PendingPrediction(request.value, digest, received_s, loop.create_future(), early)
        self._in_flight += 1
        pending.response.add_done_callback(partial(self._settle, pending))
        if request.transaction_id:
            self._responses.keep(request.transaction_id, digest, pending.response)
        self._deadline.start(pending.response)
        return pending

    def _record_transaction(self, pending: PendingPrediction, scored: ScoredTransaction | FraudError) -> None:
        """Write a scored transaction to Kafka; with ack=none, also respond."""
        if pending.response.done():  # the deadline has passed; no decision was sent, so none is recorded
            scored = DeadlineExceededError("not decided within FRAUD_HTTP_DEADLINE_MS; try again")
        if isinstance(scored, FraudError):
            pending.fail(scored)
            return
        message = OutgoingMessage(self._topics.transactions_http, scored.decision.card_id, pending.value)
        self._producer.produce(message, partial(self._record_alert, pending, scored))
        if pending.wants_early_response:
            pending.respond_early(_without_offset(scored))

    def _record_alert(
        self, pending: PendingPrediction, scored: ScoredTransaction, recorded: MessageOffset | FraudError
    ) -> None:
        """Write the alert on a recorded transaction to Kafka, if there is one.

        It is written before the decision: once the decision is recorded, a repeat of the request gets it as the
        response, and would not write a missing alert.
        """
        if isinstance(recorded, FraudError):
            self._fail_recording(pending, recorded)
            return
        decision, shadows = with_source_position(scored.decision, scored.shadows, recorded.partition, recorded.offset)
        decided = ScoredTransaction(decision, shadows)
        if decision.verdict == "approve":
            self._record_decision(pending, decided, recorded)
            return
        alert = OutgoingMessage(self._topics.alerts, decision.card_id, encode(decision))
        self._producer.produce(alert, partial(self._record_decision, pending, decided))

    def _record_decision(
        self, pending: PendingPrediction, decided: ScoredTransaction, recorded: MessageOffset | FraudError
    ) -> None:
        """Write a decision to Kafka, with its shadow scores."""
        if isinstance(recorded, FraudError):
            self._fail_recording(pending, recorded)
            return
        value, key = encode(decided.decision), decided.decision.card_id
        messages = [
            OutgoingMessage(self._topics.decisions, key, value, headers={REQUEST_DIGEST: pending.request_digest})
        ]
        messages += [
            OutgoingMessage(self._topics.shadow_scores, key, encode(shadow), awaited=False)
            for shadow in decided.shadows
        ]
        self._producer.produce_all(messages, partial(self._respond, pending, value))

    def _respond(self, pending: PendingPrediction, decision: bytes, error: FraudError | None) -> None:
        """Respond with a recorded decision."""
        if error is not None:
            self._fail_recording(pending, error)
            return
        pending.respond(decision)

    def _fail_recording(self, pending: PendingPrediction, error: FraudError) -> None:
        if pending.responded_early:
            self._metrics.unrecorded()
        pending.fail(error)

    def _settle(self, pending: PendingPrediction, response: asyncio.Future[bytes]) -> None:
        """Count the outcome of an admitted transaction, exactly once."""
        self._in_flight -= 1
        self._metrics.in_flight(self._in_flight)
        if response.cancelled():
            return
        error = response.exception()  # also marks the error as retrieved, as the caller may have disconnected
        if error is None:
            self._metrics.decided(time.perf_counter() - pending.received_s)
        elif not pending.responded_early:
            self._metrics.failed(error)


def _without_offset(scored: ScoredTransaction) -> bytes:
    return msgspec.json.encode(asdict(scored.decision) | dict.fromkeys(OFFSET_FIELDS))

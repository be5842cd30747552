"""From a question to a reply: repeated or not, scored together with others, and on Kafka before it is told."""

import asyncio
import time
from dataclasses import dataclass
from functools import partial

import msgspec
from msgspec.structs import asdict

from schemas.errors import BrokerAwayError, BusyError, FraudError, TooLateError
from schemas.messages import encode
from stream.http.batcher import Answer, Batcher
from stream.http.contract import PLACE
from stream.http.deadline import Deadline
from stream.http.idempotency import Repeats
from stream.http.metrics import HttpMetrics
from stream.http.request import read_asked
from stream.kafka.acknowledged_producer import Recorder, Row
from stream.kafka.broker_watch import BrokerWatch
from stream.scoring.decision_id import placed
from stream.serving.role_follower import RoleFollower
from stream.serving.tracing import name_transaction
from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class _Asking:
    """Who waits for a transaction.

    Attributes:
        reply: Told when Kafka has it; whoever asks again gets this one.
        early: Told before, to an asker who does not want to wait.
    """

    value: bytes
    reply: asyncio.Future[bytes]
    early: asyncio.Future[bytes] | None

    def tell(self, decision: bytes) -> None:
        """Tell the decision that Kafka has."""
        if not self.reply.done():
            self.reply.set_result(decision)

    def fail(self, error: FraudError) -> None:
        """Tell everybody who has not been told anything."""
        for each in (self.reply, self.early):
            if each is not None and not each.done():
                each.set_exception(error)


class Desk:
    """Answers about transactions. Inside the event loop.

    Args:
        settings: Topics, deadline, how many may be under way.
        roles: Whose features a bare list has.
        batcher: Decides.
        recorder: Writes to Kafka.
        broker: Whether there is a Kafka to write to.
        metrics: Counts.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        roles: RoleFollower,
        batcher: Batcher,
        recorder: Recorder,
        broker: BrokerWatch,
        metrics: HttpMetrics,
    ) -> None:
        self._settings = settings
        self._roles = roles
        self._batcher = batcher
        self._recorder = recorder
        self._broker = broker
        self._metrics = metrics
        self._repeats = Repeats(settings.http.idempotency_entries, settings.http.idempotency_s)
        self._deadline = Deadline(settings.http.deadline_ms / 1000)
        self._under_way = 0

    def decide(self, body: bytes, *, acknowledged: bool) -> asyncio.Future[bytes]:
        """Decide one transaction.

        Args:
            body: As `read_asked` takes it.
            acknowledged: Whether the reply waits until Kafka has transaction and decision; if not, the decision in it
                has no place yet.

        Returns:
            The decision as JSON: acknowledged, the very bytes that are on the decisions topic. Not to be cancelled:
            others may wait for the same. RefusedMessageError where the transaction cannot be scored; UnansweredError
            or BrokerAwayError where it was not decided and recorded in time, and asking again is safe.

        Raises:
            As the reply; and RepeatedError: another transaction has had this id.
        """
        if self._broker.away:
            raise BrokerAwayError("no Kafka answers, so nothing is decided; ask again")
        scorer = self._roles.deciding()
        asked = read_asked(body, scorer.roles.champion.model.plan, time.time_ns() // 1_000_000)
        name_transaction(asked.transaction_id)
        known = self._repeats.find(asked.transaction_id, body) if asked.transaction_id else None
        if known is not None:
            self._metrics.repeated()
            return known  # also where this asker would not wait: it is mostly there already
        most = self._settings.http.max_in_flight
        if self._under_way >= most:
            raise BusyError(f"{most} transactions are under way (FRAUD_HTTP_MAX_IN_FLIGHT); ask again a little later")
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._under_way += 1
        reply.add_done_callback(self._done)
        if asked.transaction_id:
            self._repeats.keep(asked.transaction_id, body, reply)
        self._deadline.watch(reply)
        early = None if acknowledged else asyncio.get_running_loop().create_future()
        self._batcher.ask(asked.value, partial(self._answered, _Asking(asked.value, reply, early)))
        return early or reply

    def _answered(self, asking: "_Asking", answer: Answer | FraudError) -> None:
        """Put on Kafka what was decided, and then tell it."""
        if asking.reply.done():  # by the deadline alone: nothing of it was told, and nothing of it is written
            answer = TooLateError("not decided within the deadline (FRAUD_HTTP_DEADLINE_MS); ask again")
        if not isinstance(answer, Answer):
            asking.fail(answer)
            return
        told = b""

        def follow(partition: int, offset: int) -> list[Row]:
            nonlocal told
            settings = self._settings
            decision, shadows = placed(answer.decision, answer.shadows, partition, offset)
            told = encode(decision)
            card = decision.card_id
            rows = [Row(settings.topic.decisions, card, told)]
            if decision.verdict != "approve":
                rows.append(Row(settings.topic.alerts, card, told))
            return rows + [Row(settings.topic.shadow_scores, card, encode(each), awaited=False) for each in shadows]

        def recorded(error: FraudError | None) -> None:
            if error is None:
                asking.tell(told)
                return
            if asking.early is not None and asking.early.done():
                self._metrics.unrecorded()
            asking.fail(error)

        transaction = Row(self._settings.topic.transactions_http, answer.decision.card_id, asking.value)
        self._recorder.record(transaction, follow, recorded)
        if asking.early is not None and not asking.early.done():
            asking.early.set_result(_without_place(answer))

    def _done(self, reply: asyncio.Future[bytes]) -> None:
        self._under_way -= 1
        self._metrics.under_way(self._under_way)
        if not reply.cancelled():
            reply.exception()  # taken note of, for whoever asked may be gone


def _without_place(answer: Answer) -> bytes:
    return msgspec.json.encode(asdict(answer.decision) | dict.fromkeys(PLACE))

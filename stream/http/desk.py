"""From a question to a reply: repeated or not, scored together with others, and on Kafka before it is told."""

import asyncio
import time

import msgspec
from msgspec.structs import asdict

from schemas.errors import BrokerAwayError, NoChampionError, TooLateError
from schemas.messages import encode
from stream.http.asked import Asked, read_asked
from stream.http.batcher import Answer, Batcher
from stream.http.contract import PLACE
from stream.http.metrics import HttpMetrics
from stream.http.repeats import Repeats
from stream.kafka.broker_watch import BrokerWatch
from stream.kafka.recorder import Recorder, Row
from stream.scoring.place import placed
from stream.serving.roles import RoleFollower
from stream.settings import Settings


class Desk:
    """Answers about transactions. Inside the event loop.

    Args:
        settings: Topics, deadline.
        roles: Whose features a bare list has.
        batcher: Decides.
        recorder: Writes to Kafka.
        broker: Whether there is a Kafka to write to.
        repeats: What was answered lately.
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
        repeats: Repeats,
        metrics: HttpMetrics,
    ) -> None:
        self._settings = settings
        self._deadline_s = settings.http_deadline_ms / 1000
        self._roles = roles
        self._batcher = batcher
        self._recorder = recorder
        self._broker = broker
        self._repeats = repeats
        self._metrics = metrics
        self._under_way: set[asyncio.Task[bytes]] = set()

    async def decide(self, body: bytes, *, acknowledged: bool) -> bytes:
        """Decide one transaction.

        Args:
            body: As `read_asked` takes it.
            acknowledged: Whether the reply waits until Kafka has transaction and decision; if not, the decision in it
                has no place yet.

        Returns:
            The decision as JSON: acknowledged, the very bytes that are on the decisions topic.

        Raises:
            RefusedMessageError: The transaction cannot be scored.
            RepeatedError: Another transaction has had this id.
            UnansweredError: It is not decided now; asking again is safe.
            BrokerAwayError: Kafka is away, or has not acknowledged it; likewise.
        """
        if self._broker.away:
            raise BrokerAwayError("no Kafka answers, so nothing is decided; ask again")
        scorer = self._roles.scorer
        if scorer is None:
            raise NoChampionError("no champion decides; publish one with `fraud-stream models set --champion PATH`")
        asked = read_asked(body, scorer.roles.champion.model.plan, time.time_ns() // 1_000_000)
        reply = self._repeats.find(asked.transaction_id, body) if asked.transaction_id else None
        if reply is None:
            reply = self._begin(asked, body, acknowledged=acknowledged)
        else:
            self._metrics.repeated()
        try:
            # Shielded: who asks may go away, and what is under way is finished all the same, for others who ask.
            return await asyncio.wait_for(asyncio.shield(reply), self._deadline_s)
        except TimeoutError:
            raise TooLateError(
                "not decided and recorded within the deadline (FRAUD_HTTP_DEADLINE_MS); ask again"
            ) from None

    def _begin(self, asked: Asked, body: bytes, *, acknowledged: bool) -> asyncio.Future[bytes]:
        answer = self._batcher.ask(asked.value)
        task = asyncio.create_task(self._record(asked, answer, acknowledged=acknowledged))
        self._under_way.add(task)  # the loop itself keeps no task alive
        task.add_done_callback(self._finished)
        if asked.transaction_id:
            self._repeats.keep(asked.transaction_id, body, task)
        return task

    def _finished(self, task: asyncio.Task[bytes]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # taken note of, for whoever asked may be gone

    async def _record(self, asked: Asked, asked_answer: asyncio.Future[Answer], *, acknowledged: bool) -> bytes:
        answer = await asked_answer
        settings = self._settings
        told = b""

        def follow(partition: int, offset: int) -> list[Row]:
            nonlocal told
            decision, shadows = placed(answer.decision, answer.shadows, partition, offset)
            told = encode(decision)
            card = decision.card_id
            rows = [Row(settings.topic_decisions, card, told)]
            if decision.verdict != "approve":
                rows.append(Row(settings.topic_alerts, card, told))
            return rows + [Row(settings.topic_shadow_scores, card, encode(each), awaited=False) for each in shadows]

        transaction = Row(settings.topic_transactions_http, answer.decision.card_id, asked.value)
        recorded = self._recorder.record(transaction, follow)
        if acknowledged:
            await recorded
            return told
        recorded.add_done_callback(self._metrics.recorded_late)
        return _without_place(answer)


def _without_place(answer: Answer) -> bytes:
    return msgspec.json.encode(asdict(answer.decision) | dict.fromkeys(PLACE))

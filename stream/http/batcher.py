"""Micro-batching: requests that come at about the same time are scored in one model run.

While one batch is on the scoring thread the next one gathers, so batches grow with load by themselves.
"""

import asyncio
import itertools
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from schemas.errors import (
    BusyError,
    FraudError,
    ModelFaultError,
    NoChampionError,
    RefusedMessageError,
    TooLateError,
)
from schemas.messages import Decision, ShadowScore
from stream.http.metrics import HttpMetrics
from stream.scoring.incoming import Incoming, Moment
from stream.scoring.scorer import ScoredBatch, Scorer
from stream.serving.counts import RoleCounter
from stream.serving.drift_counts import DriftCounter
from stream.serving.roles import RoleFollower
from stream.settings import Settings

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Transactions in one model run: what is scored at a time keeps everybody else waiting.
BATCH_MAX = 250
#: Stands for the partition of a transaction that Kafka does not have yet; its offset is a negative number, so that each
#: of a batch has its own. No topic has this partition: for drift's watermark, event times over HTTP go their own way.
UNPLACED_PARTITION = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided about one transaction, whose place is not known yet."""

    decision: Decision
    shadows: list[ShadowScore]


@dataclass(slots=True)
class _Waiting:
    value: bytes
    answer: asyncio.Future[Answer]
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """Scores what is asked, together.

    Args:
        settings: Topic, how many may wait and for how long.
        roles: Whose scorer decides.
        counts: Adds up what each model said.
        drift: Counts what came in.
        metrics: Shows how large batches are and how many wait.
    """

    def __init__(
        self, settings: Settings, roles: RoleFollower, counts: RoleCounter, drift: DriftCounter, metrics: HttpMetrics
    ) -> None:
        self._topic = settings.topic_transactions_http
        self._most = settings.http_queue
        self._deadline_s = settings.http_deadline_ms / 1000
        self._roles = roles
        self._counts = counts
        self._drift = drift
        self._metrics = metrics
        self._waiting: deque[_Waiting] = deque()
        self._come = asyncio.Event()
        self._scoring = ThreadPoolExecutor(1, "scoring")

    def start(self) -> None:
        """Begin to score. Inside the event loop."""
        self._loop = asyncio.get_running_loop()
        self._working = self._loop.create_task(self._work())

    async def stop(self) -> None:
        """Score no more; who still waits is told to ask again."""
        self._working.cancel()
        await asyncio.gather(self._working, return_exceptions=True)
        self._scoring.shutdown()
        for each in self._waiting:
            _tell(each, TooLateError("this process stops; ask again"))

    def ask(self, value: bytes) -> asyncio.Future[Answer]:
        """Have one transaction decided.

        Returns:
            The answer. Or RefusedMessageError: it cannot be scored. NoChampionError: nobody may decide. TooLateError:
            it waited beyond the deadline.

        Raises:
            BusyError: If too many wait already.
        """
        if len(self._waiting) >= self._most:
            raise BusyError(f"{self._most} transactions wait already (FRAUD_HTTP_QUEUE); ask again a little later")
        found: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.append(_Waiting(value, found))
        self._come.set()
        return found

    async def on_scoring_thread(self, what: Callable[[], T]) -> T:
        """Return what something gives that must not run beside scoring."""
        return await self._loop.run_in_executor(self._scoring, what)

    async def _work(self) -> None:
        while True:
            await self._come.wait()
            batch = self._take()
            if not self._waiting:
                self._come.clear()
            if not batch:
                continue
            try:
                scored = await self._loop.run_in_executor(self._scoring, self._score, batch)
            except FraudError as error:
                for each in batch:
                    _tell(each, error)
            except Exception:  # whatever it is must end these requests and no others
                log.exception("scoring %d transactions failed", len(batch))
                for each in batch:
                    _tell(each, NoChampionError("scoring failed; the log says why"))
            else:
                _hand_out(batch, scored)

    def _take(self) -> list[_Waiting]:
        self._metrics.waiting(len(self._waiting))
        batch: list[_Waiting] = []
        oldest = time.monotonic() - self._deadline_s
        while self._waiting and len(batch) < BATCH_MAX:
            each = self._waiting.popleft()
            if each.since < oldest:
                _tell(each, TooLateError("it waited beyond the deadline (FRAUD_HTTP_DEADLINE_MS); ask again"))
            elif not each.answer.done():
                batch.append(each)
        return batch

    def _score(self, batch: Sequence[_Waiting]) -> ScoredBatch:
        """Score on the scoring thread; a champion at fault gives way, and the next one scores the same batch."""
        count = len(batch)
        values = [each.value for each in batch]
        incoming = Incoming(self._topic, values, [UNPLACED_PARTITION] * count, range(-count, 0))
        moment = Moment(time.time_ns() // 1_000_000, round((time.monotonic() - batch[0].since) * 1000, 3))
        while (scorer := self._roles.scorer) is not None:
            began = time.perf_counter()
            try:
                scored = scorer.score(incoming, moment)
            except ModelFaultError as fault:
                self._roles.demote(scorer, fault)
                continue
            self._count(scorer, scored, time.perf_counter() - began)
            return scored
        raise NoChampionError("no champion decides; publish one with `fraud-stream models set --champion PATH`")

    def _count(self, scorer: Scorer, scored: ScoredBatch, took_s: float) -> None:
        self._counts.add(scored.tally, [took_s])
        if scored.observed is not None:
            self._drift.add([scored.observed])
        self._metrics.scored(scored, scorer.codec.unknown_features)


def _hand_out(batch: Sequence[_Waiting], scored: ScoredBatch) -> None:
    shadows: dict[str, list[ShadowScore]] = defaultdict(list)
    for shadow in itertools.chain.from_iterable(scored.shadow_scores):
        shadows[shadow.decision_id].append(shadow)
    for decision in scored.decisions:
        answer = batch[decision.source_offset].answer  # -count … -1 counts from the end
        if not answer.done():
            answer.set_result(Answer(decision, shadows[decision.decision_id]))
    for refusal in scored.refusals:
        _tell(batch[refusal.place], RefusedMessageError(refusal.reason, refusal.detail))


def _tell(each: _Waiting, error: FraudError) -> None:
    if not each.answer.done():
        each.answer.set_exception(error)

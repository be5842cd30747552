"""Micro-batching: what is asked at about the same time is scored in one model run.

Everything happens on the event loop's thread. A turn of the loop takes in whatever has arrived on all connections, and
the next one scores it together: batches grow with load by themselves. A thread of its own would cost more than it
scores: handing a batch over and back takes 0.1 ms, and then both threads want Python's lock.
"""

import asyncio
import itertools
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.errors import FraudError, ModelFaultError, NoChampionError, RefusedMessageError, TooLateError
from schemas.messages import Decision, ShadowScore
from stream.http.metrics import HttpMetrics
from stream.scoring.incoming import Incoming, Moment
from stream.scoring.observed import Observed
from stream.scoring.scorer import ScoredBatch, Scorer
from stream.scoring.tally import tally
from stream.serving.role_counter import RoleCounter
from stream.serving.role_follower import RoleFollower
from stream.serving.tracing import span
from stream.settings import Settings

log = logging.getLogger(__name__)

#: Transactions in one model run: the loop stands still meanwhile, for a millisecond with two models of 300 trees.
BATCH_MAX = 32
#: Stands for the partition of a transaction that Kafka does not have yet; its offset is a negative number, so that each
#: of a batch has its own. No topic has this partition: for drift's watermark, event times over HTTP go their own way.
UNPLACED_PARTITION = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided about one transaction, whose place is not known yet."""

    decision: Decision
    shadows: list[ShadowScore]


#: Told what became of a transaction. RefusedMessageError: it cannot be scored. NoChampionError: nobody may decide.
#: TooLateError: its turn came after the deadline.
Told = Callable[[Answer | FraudError], None]


@dataclass(slots=True)
class _Waiting:
    value: bytes
    told: Told
    since: float


class Batcher:
    """Scores what is asked, together.

    Args:
        settings: Topic, deadline.
        roles: Whose scorer decides.
        counts: Adds up what each model said.
        observe: Takes what the models saw, for drift.
        metrics: Shows how large batches are.
    """

    def __init__(
        self,
        settings: Settings,
        roles: RoleFollower,
        counts: RoleCounter,
        observe: Callable[[Observed], object],
        metrics: HttpMetrics,
    ) -> None:
        self._topic = settings.topic.transactions_http
        self._deadline_s = settings.http.deadline_ms / 1000
        self._roles = roles
        self._counts = counts
        self._observe = observe
        self._metrics = metrics
        self._waiting: deque[_Waiting] = deque()

    def ask(self, value: bytes, told: Told) -> None:
        """Have one transaction decided, in a moment."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        self._waiting.append(_Waiting(value, told, time.monotonic()))

    def _turn(self) -> None:
        batch = self._next_batch()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        if not batch:
            return
        try:
            with span("score", transactions=len(batch)):
                scored = self._score(batch)
        except FraudError as error:
            for each in batch:
                each.told(error)
        except Exception:  # whatever it is must end these requests and no others
            log.exception("scoring %d transactions failed", len(batch))
            for each in batch:
                each.told(NoChampionError("scoring failed; the log says why"))
        else:
            _hand_out(batch, scored)

    def _next_batch(self) -> list[_Waiting]:
        """Take those who still wait: to score the others would make everyone behind them late too."""
        batch: list[_Waiting] = []
        begun = time.monotonic() - self._deadline_s
        while self._waiting and len(batch) < BATCH_MAX:
            each = self._waiting.popleft()
            if each.since > begun:
                batch.append(each)
            else:
                each.told(TooLateError("not scored within the deadline (FRAUD_HTTP_DEADLINE_MS); ask again"))
        return batch

    def _score(self, batch: Sequence[_Waiting]) -> ScoredBatch:
        """Score; a champion at fault gives way, and the next one scores the same batch."""
        count = len(batch)
        values = [each.value for each in batch]
        incoming = Incoming(self._topic, values, [UNPLACED_PARTITION] * count, range(-count, 0))
        moment = Moment(time.time_ns() // 1_000_000, round((time.monotonic() - batch[0].since) * 1000, 3))
        while True:
            scorer = self._roles.deciding()
            began = time.perf_counter()
            try:
                scored = scorer.score(incoming, moment)
            except ModelFaultError as fault:
                self._roles.demote(scorer, fault)
                continue
            self._count(scorer, scored, time.perf_counter() - began)
            return scored

    def _count(self, scorer: Scorer, scored: ScoredBatch, took_s: float) -> None:
        # Refusals are told to their senders, who may be trying something out; on Kafka they are the champion's problem.
        told = scored.tally
        if scored.refusals:
            told = tally(scored.roles, scored.observed.judgements if scored.observed else [], [])
        self._counts.add(told, [took_s])
        if scored.observed is not None:
            self._observe(scored.observed)
        self._metrics.scored(scored, scorer.codec.unknown_features)


def _hand_out(batch: Sequence[_Waiting], scored: ScoredBatch) -> None:
    shadows: dict[str, list[ShadowScore]] = defaultdict(list)
    for shadow in itertools.chain.from_iterable(scored.shadow_scores):
        shadows[shadow.decision_id].append(shadow)
    for decision in scored.decisions:
        # Offsets -count … -1 count from the end.
        batch[decision.source_offset].told(Answer(decision, shadows[decision.decision_id]))
    for refusal in scored.refusals:
        batch[refusal.place].told(RefusedMessageError(refusal.reason, refusal.detail, refusal.field))

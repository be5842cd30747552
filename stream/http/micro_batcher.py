"""Micro-batching: transactions that arrive at about the same time are scored in one model run.

Everything happens on the event loop's thread. One iteration of the loop reads all data that has arrived, and the next
scores the transactions together, so batches grow with the load. A separate thread would not pay off: handing a
batch over and back takes 0.1 ms, and the two threads then compete for the GIL.
"""

import asyncio
import itertools
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.errors import DeadlineExceededError, FraudError, ModelFaultError, NoChampionError, RefusedMessageError
from schemas.messages import Decision, ShadowScore
from stream.http.metrics import HttpMetrics
from stream.scoring.batch_scores import BatchScores
from stream.scoring.raw_batch import RawBatch, ScoringTime
from stream.scoring.score_counts import count_scores
from stream.scoring.scorer import ScoredBatch, Scorer
from stream.serving.role_counter import RoleCounter
from stream.serving.role_follower import RoleFollower
from stream.serving.tracing import span

log = logging.getLogger(__name__)

#: Maximum number of transactions in one model run, which blocks the event loop: for about 1 ms with two models of
#: 300 trees.
BATCH_MAX = 32
#: Partition of a transaction that Kafka does not have yet. Its offset is a negative number, unique in its batch. No
#: topic has this partition, so transactions over HTTP get their own drift watermark.
UNRECORDED_PARTITION = 10_000


@dataclass(frozen=True, slots=True)
class ScoredTransaction:
    """The decision on one transaction whose offset is not yet known, and the transaction's shadow scores."""

    decision: Decision
    shadows: list[ShadowScore]


#: Called once for each transaction, with its decision or with the error that prevented one: RefusedMessageError if it
#: cannot be scored, NoChampionError if there is no champion or scoring failed, DeadlineExceededError if it queued too
#: long.
OnScored = Callable[[ScoredTransaction | FraudError], None]


@dataclass(slots=True)
class _QueuedTransaction:
    value: bytes
    on_scored: OnScored
    queued_s: float


class MicroBatcher:
    """Scores queued transactions in batches.

    Args:
        topic: Name of the topic to which the transactions are written.
        deadline_s: Seconds in the queue after which a transaction is no longer scored.
        roles: Provides the scorer of the champion in use.
        counts: Counts the verdicts of every model, for `role-counts`.
        observe: Receives the inputs and scores of each model run, for drift monitoring.
        metrics: Metrics of the edge.
    """

    def __init__(
        self,
        topic: str,
        deadline_s: float,
        *,
        roles: RoleFollower,
        counts: RoleCounter,
        observe: Callable[[BatchScores], object],
        metrics: HttpMetrics,
    ) -> None:
        self._topic = topic
        self._deadline_s = deadline_s
        self._roles = roles
        self._counts = counts
        self._observe = observe
        self._metrics = metrics
        self._queue: deque[_QueuedTransaction] = deque()

    def enqueue(self, value: bytes, on_scored: OnScored) -> None:
        """Queue one transaction, encoded as JSON, for the next model run."""
        if not self._queue:
            asyncio.get_running_loop().call_soon(self._run_batch)
        self._queue.append(_QueuedTransaction(value, on_scored, time.monotonic()))

    def _run_batch(self) -> None:
        batch = self._next_batch()
        if self._queue:
            asyncio.get_running_loop().call_soon(self._run_batch)
        if not batch:
            return
        try:
            with span("score", transactions=len(batch)):
                scored = self._score(batch)
        except FraudError as error:
            for each in batch:
                each.on_scored(error)
        except Exception:  # an unexpected error fails only these requests
            log.exception("scoring %d transactions failed", len(batch))
            for each in batch:
                each.on_scored(NoChampionError("scoring failed; the log of the HTTP edge shows the cause"))
        else:
            _hand_out(batch, scored)

    def _next_batch(self) -> list[_QueuedTransaction]:
        """Remove the next batch from the queue, and fail the transactions that are past their deadline.

        Scoring late transactions would only delay the transactions behind them.
        """
        batch: list[_QueuedTransaction] = []
        oldest_s = time.monotonic() - self._deadline_s
        while self._queue and len(batch) < BATCH_MAX:
            each = self._queue.popleft()
            if each.queued_s > oldest_s:
                batch.append(each)
            else:
                each.on_scored(DeadlineExceededError("not scored within FRAUD_HTTP_DEADLINE_MS; try again"))
        return batch

    def _score(self, batch: Sequence[_QueuedTransaction]) -> ScoredBatch:
        """Score a batch. A faulty champion is demoted, and its replacement scores the same batch."""
        count = len(batch)
        values = [each.value for each in batch]
        raw = RawBatch(self._topic, values, [UNRECORDED_PARTITION] * count, range(-count, 0))
        scoring_time = ScoringTime(time.time_ns() // 1_000_000, round((time.monotonic() - batch[0].queued_s) * 1000, 3))
        while True:
            scorer = self._roles.deciding()
            began_s = time.perf_counter()
            try:
                scored = scorer.score(raw, scoring_time)
            except ModelFaultError as fault:
                self._roles.demote(scorer, fault)
                continue
            self._count(scorer, scored, time.perf_counter() - began_s)
            return scored

    def _count(self, scorer: Scorer, scored: ScoredBatch, scoring_s: float) -> None:
        # Over HTTP, a rejection is reported to the sender, who may be experimenting, so it does not count as a problem
        # of the champion. In the worker it does.
        counted = scored.score_counts
        if scored.refusals:
            counted = count_scores(scored.roles, scored.batch_scores.model_scores if scored.batch_scores else [], [])
        self._counts.add(counted, [scoring_s])
        if scored.batch_scores is not None:
            self._observe(scored.batch_scores)
        self._metrics.scored(scored, scorer.codec.unknown_features)


def _hand_out(batch: Sequence[_QueuedTransaction], scored: ScoredBatch) -> None:
    """Call each transaction's callback with the result for that transaction."""
    shadows: dict[str, list[ShadowScore]] = defaultdict(list)
    for shadow in itertools.chain.from_iterable(scored.shadow_scores):
        shadows[shadow.decision_id].append(shadow)
    for decision in scored.decisions:
        # Offsets are -count … -1: indices from the end of the batch.
        batch[decision.source_offset].on_scored(ScoredTransaction(decision, shadows[decision.decision_id]))
    for refusal in scored.refusals:
        batch[refusal.index].on_scored(RefusedMessageError(refusal.reason, refusal.detail, refusal.field))

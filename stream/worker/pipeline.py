"""Processes a batch from its bytes to its commit. If any step fails, nothing is acknowledged.

`score` runs on one thread and `commit` on another, so a batch is scored while the previous batch is committed. Any
failure raises the source's epoch: batches from an older epoch are discarded wherever they are waiting, and reading
restarts at the committed offsets.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from schemas.errors import BatchRefusedError, DeadLetterReason, FraudError, ModelFaultError
from stream.kafka.batch import Batch
from stream.kafka.sink import Sink
from stream.kafka.source import BatchSource
from stream.scoring.raw_batch import ScoringTime
from stream.serving.drift_outbox import DriftOutbox
from stream.serving.role_counter import RoleCounter
from stream.serving.role_follower import RoleFollower
from stream.settings import TopicSettings
from stream.worker.metrics import WorkerMetrics
from stream.worker.outputs import BatchOutputs, make_outputs

log = logging.getLogger(__name__)

#: Transactions decoded, scored and encoded at a time. In parts of this size, their objects are still in the CPU cache
#: when they are used and freed: 18 µs per transaction, compared with 22 to 27 µs in parts of 2,000. Models are at full
#: speed from 128 rows on.
PART = 250
#: Threads that score parts. A model runs without Python's lock, so the other thread can decode and encode at the same
#: time; a third thread would only wait for the lock.
PART_THREADS = 2
#: Number of consecutive failures after which the worker stops, because reading the batch again does not help.
MAX_FAILURES = 10
#: Seconds to wait after the first failure, which double with each further failure, and the maximum wait.
BACKOFF_S = (0.05, 5.0)
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class ScoredWork:
    """A batch with its encoded outputs, ready to be committed."""

    batch: Batch
    outputs: BatchOutputs


class Pipeline:
    """Scores and commits batches.

    Args:
        topics: Topic names.
        max_unscorable_per_minute: Number of unscorable transactions per minute above which the worker stops.
        source: Source that the batches are read from.
        roles: Role follower, which holds the scorer in use.
        sink: Sink that commits outputs together with the consumed offsets.
        metrics: Prometheus metrics of the worker.
        counts: Counter that adds up the verdicts and scores in committed batches.
        drift: Outbox that counts the features and scores in committed batches for drift.
        stop: Called with an error, from any thread, to stop the worker.
    """

    def __init__(
        self,
        *,
        topics: TopicSettings,
        max_unscorable_per_minute: int,
        source: BatchSource,
        roles: RoleFollower,
        sink: Sink,
        metrics: WorkerMetrics,
        counts: RoleCounter,
        drift: DriftOutbox,
        stop: Callable[[BaseException], None],
    ) -> None:
        self._topics = topics
        self._max_unscorable_per_minute = max_unscorable_per_minute
        self._source = source
        self._roles = roles
        self._sink = sink
        self._metrics = metrics
        self._counts = counts
        self._drift = drift
        self._stop = stop
        self._parts = ThreadPoolExecutor(PART_THREADS, "scoring-part")
        self._failures = 0
        self._unscorable: deque[float] = deque()

    def score(self, batch: Batch) -> ScoredWork | None:
        """Decide on the transactions in a batch, and encode the outputs.

        Returns:
            The batch with its outputs; None if the batch is stale or failed, or if there is no champion.
        """
        scorer = self._roles.scorer  # the same scorer decides the whole batch
        if batch.epoch != self._source.epoch:
            return self._discard()
        if scorer is None:
            self._source.fail()  # the batch was read while the champion was removed: it must be read again
            return self._discard()
        now_ms = time.time_ns() // 1_000_000
        scoring_time = ScoringTime(now_ms, round((time.monotonic() - batch.read_at) * 1000, 3))

        def score_part(start: int) -> BatchOutputs:
            started = time.perf_counter()
            scored = scorer.score(batch.raw.slice(start, start + PART), scoring_time)
            elapsed_s = time.perf_counter() - started
            outputs = make_outputs(batch, scored, start, self._topics, now_ms)
            outputs.scoring_s.append(elapsed_s)
            return outputs

        outputs = BatchOutputs()
        try:
            run_parts = self._parts.map if len(batch) > PART else map  # one part needs no other thread
            for part in run_parts(score_part, range(0, len(batch), PART)):
                outputs.extend(part)
        except ModelFaultError as fault:
            self._roles.demote(scorer, fault)
            self._source.fail()
            return self._discard()
        except Exception as error:  # noqa: BLE001 - an unforeseen error: nothing of the batch may be acknowledged
            self._fail(error)
            return self._discard()
        self._metrics.roles.unknown_features(scorer.codec.unknown_features)
        return ScoredWork(batch, outputs)

    def commit(self, work: ScoredWork) -> None:
        """Commit a scored batch; if the commit fails, the batch is read again."""
        try:
            if work.batch.epoch == self._source.epoch:
                unscorable = self._admit_unscorable(work.outputs.refusals)
                drift = self._drift.unsent()
                self._sink.commit(work.batch, work.outputs.rows | self._drift_rows(drift))
                self._drift.sent(drift)
                self._unscorable += unscorable
                self._failures = 0
                self._metrics.committed(work.outputs, time.monotonic() - work.batch.read_at)
                self._counts.add(work.outputs.score_counts, work.outputs.scoring_s)
                for scores in work.outputs.batch_scores:
                    self._drift.add(scores)
        except BatchRefusedError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - after any other error, going on could skip transactions
            self._source.fail()
            self._stop(error)
        finally:
            self._source.done()

    def send_drift(self) -> None:
        """Send drift counts that are due while there is no batch that could be committed together with them.

        Call it on the committing thread.
        """
        drift = self._drift.unsent()
        if not drift:
            return
        try:
            self._sink.send(self._drift_rows(drift))
            self._drift.sent(drift)
        except BatchRefusedError as error:
            log.warning("cannot send drift counts: %s; they are sent again with the next batch", error)
        except Exception as error:  # noqa: BLE001 - a producer that fails here cannot commit a batch either
            self._stop(error)

    def _drift_rows(self, messages: Sequence[bytes]) -> dict[str, list[dict[str, Any]]]:
        return {self._topics.drift_counts: [{"value": value} for value in messages]} if messages else {}

    def _discard(self) -> ScoredWork | None:
        self._source.done()
        return None

    def _fail(self, error: Exception) -> None:
        self._source.fail()
        self._failures += 1
        log.warning("%s; reading again from the committed offsets", error)
        if self._failures >= MAX_FAILURES:
            text = f"{self._failures} batches in a row failed, the last with: {error}; fix the cause and start again"
            self._stop(FraudError(text))
            return
        first, longest = BACKOFF_S
        time.sleep(min(first * 2 ** (self._failures - 1), longest))

    def _admit_unscorable(self, refusals: Sequence[DeadLetterReason]) -> list[float]:
        """Enforce the limit on unscorable transactions, lest a fault turn the whole stream into dead letters.

        Returns:
            Time of each unscorable transaction in the batch. Add these times to `_unscorable` only after the commit, so
            that a batch that is read again counts once.

        Raises:
            FraudError: If there are more unscorable transactions within a minute than the setting allows.
        """
        now = time.monotonic()
        while self._unscorable and self._unscorable[0] < now - MINUTE_S:
            self._unscorable.popleft()
        unscorable = [now for reason in refusals if reason is DeadLetterReason.UNSCORABLE]
        limit = self._max_unscorable_per_minute
        if len(self._unscorable) + len(unscorable) > limit:
            raise FraudError(
                f"more than {limit} transactions in a minute could not be scored; check the champion, "
                "or raise FRAUD_WORKER_MAX_UNSCORABLE_PER_MINUTE"
            )
        return unscorable

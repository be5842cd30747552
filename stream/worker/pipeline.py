"""One batch from bytes to commit, and what happens when that fails: nothing is acknowledged.

`score` runs on one thread and `commit` on another, so a batch is scored while the one before it is committed.
Any failure raises the source's epoch; batches of an older epoch are discarded wherever they wait, and reading
begins again at the committed offsets.
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
from stream.settings import Settings
from stream.worker.metrics import WorkerMetrics
from stream.worker.outputs import BatchOutputs, make_outputs

log = logging.getLogger(__name__)

#: Transactions decoded, scored and encoded at a time. Their objects then still lie in the processor's cache when they
#: are used and freed: 18 µs each, against 22 to 27 µs for 2,000 at a time. Models run no slower from 128 rows on.
PART = 250
#: Threads that score parts. A model runs without Python's lock, so one thread decodes and encodes meanwhile; a third
#: would only wait for that lock.
PART_THREADS = 2
#: Failures in a row after which the worker ends: something is wrong that reading again does not mend.
MAX_FAILURES = 10
#: Seconds to wait after the first failure; doubled by each further one, up to the second figure.
BACKOFF_S = (0.05, 5.0)
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Work:
    """A scored batch on its way to its commit."""

    batch: Batch
    outputs: BatchOutputs


class Pipeline:
    """Scores and commits batches.

    Args:
        settings: Topics and limits.
        source: Where batches come from.
        roles: Whose scorer decides.
        sink: Where they go.
        metrics: Counts what was committed.
        counts: Adds up what each model said of what was committed.
        drift: Counts what that looked like to each model.
        stop: Ends the worker with an error; called from any thread.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        source: BatchSource,
        roles: RoleFollower,
        sink: Sink,
        metrics: WorkerMetrics,
        counts: RoleCounter,
        drift: DriftOutbox,
        stop: Callable[[BaseException], None],
    ) -> None:
        self._settings = settings
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

    def score(self, batch: Batch) -> Work | None:
        """Decide a batch and encode its outputs; None when it is stale or nobody may decide."""
        scorer = self._roles.scorer  # held from here to the commit
        if batch.epoch != self._source.epoch:
            return self._discarded()
        if scorer is None:
            self._source.fail()  # read just when the champion fell: the next one must find it again
            return self._discarded()
        now_ms = time.time_ns() // 1_000_000
        moment = ScoringTime(now_ms, round((time.monotonic() - batch.read_at) * 1000, 3))

        def score_part(start: int) -> BatchOutputs:
            began = time.perf_counter()
            scored = scorer.score(batch.raw.slice(start, start + PART), moment)
            took = time.perf_counter() - began
            outputs = make_outputs(batch, scored, start, self._settings, now_ms)
            outputs.scoring_s.append(took)
            return outputs

        outputs = BatchOutputs()
        try:
            spread = self._parts.map if len(batch) > PART else map  # one part needs no other thread
            for part in spread(score_part, range(0, len(batch), PART)):
                outputs.extend(part)
        except ModelFaultError as fault:
            self._roles.demote(scorer, fault)
            self._source.fail()
            return self._discarded()
        except Exception as error:  # noqa: BLE001 - a fault of our own: nothing of the batch may be acknowledged
            self._fail(error)
            return self._discarded()
        self._metrics.roles.unknown_features(scorer.codec.unknown_features)
        return Work(batch, outputs)

    def commit(self, work: Work) -> None:
        """Commit a scored batch, or make it be read again."""
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
                for observed in work.outputs.batch_scores:
                    self._drift.add(observed)
        except BatchRefusedError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - whatever else it is, going on could skip transactions
            self._source.fail()
            self._stop(error)
        finally:
            self._source.done()

    def send_drift(self) -> None:
        """Send drift's counts that are due by themselves, for no batch has come to take them along.

        Called on the thread that commits.
        """
        drift = self._drift.unsent()
        if not drift:
            return
        try:
            self._sink.send(self._drift_rows(drift))
            self._drift.sent(drift)
        except BatchRefusedError as error:
            log.warning("drift-counts: %s; sent again with the next", error)
        except Exception as error:  # noqa: BLE001 - a producer that cannot go on commits no batch either
            self._stop(error)

    def _drift_rows(self, messages: Sequence[bytes]) -> dict[str, list[dict[str, Any]]]:
        return {self._settings.topic.drift_counts: [{"value": value} for value in messages]} if messages else {}

    def _discarded(self) -> Work | None:
        self._source.done()
        return None

    def _fail(self, error: Exception) -> None:
        self._source.fail()
        self._failures += 1
        log.warning("%s; read again from the committed offsets", error)
        if self._failures >= MAX_FAILURES:
            text = f"{self._failures} batches in a row failed, the last with: {error}; mend that and start again"
            self._stop(FraudError(text))
            return
        first, most = BACKOFF_S
        time.sleep(min(first * 2 ** (self._failures - 1), most))

    def _admit_unscorable(self, refusals: Sequence[DeadLetterReason]) -> list[float]:
        """Stop before an unforeseen fault turns the stream into dead letters.

        Returns:
            The moment of each, to be kept once they are committed: a batch read again counts once.

        Raises:
            FraudError: With more of them within a minute than the setting allows.
        """
        now = time.monotonic()
        while self._unscorable and self._unscorable[0] < now - MINUTE_S:
            self._unscorable.popleft()
        found = [now for reason in refusals if reason is DeadLetterReason.UNSCORABLE]
        most = self._settings.worker.max_unscorable_per_minute
        if len(self._unscorable) + len(found) > most:
            raise FraudError(
                f"more than {most} transactions in a minute could not be scored; look at the champion, "
                "or raise FRAUD_WORKER_MAX_UNSCORABLE_PER_MINUTE"
            )
        return found

"""Tests the pipeline without Kafka: batches without a champion, failing batches, and drift counts."""

from dataclasses import dataclass, field
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from schemas.errors import BatchRefusedError, FraudError
from schemas.messages import DriftCounts
from stream.kafka.batch import Batch
from stream.kafka.sink import Outputs
from stream.scoring.scorer import Scorer
from stream.serving.drift_outbox import DriftOutbox
from stream.serving.role_counter import RoleCounter
from stream.settings import Settings
from stream.worker import pipeline
from stream.worker.metrics import WorkerMetrics
from stream.worker.pipeline import Pipeline
from tests.scoring.fake_model import failing_where, fake_model, features, raw_batch, scorer, transaction

#: A transaction that the champion in these tests cannot score, and a transaction that it can score.
BAD, GOOD = transaction(features(9)), transaction(features(0))


@dataclass
class FakeSource:
    """A batch source that records the calls it receives."""

    epoch: int = 0
    done_times: int = 0

    def fail(self) -> None:
        """Increase the epoch, so that batches read so far are stale."""
        self.epoch += 1

    def done(self) -> None:
        """Count the call."""
        self.done_times += 1


@dataclass
class FakeRoles:
    """Roles that hold the scorer in use, and record the scorers that were demoted."""

    scorer: Scorer | None
    demoted: list[Scorer] = field(default_factory=list)

    def demote(self, scorer: Scorer, _: Exception) -> None:
        """Record the scorer."""
        self.demoted.append(scorer)


@dataclass
class FakeSink:
    """A sink that rejects a number of batches before it accepts a batch."""

    refusals: int = 0
    committed: int = 0

    #: Encoded drift counts that were sent.
    drift: list[bytes] = field(default_factory=list)
    #: Number of sends without a batch.
    alone: int = 0

    def commit(self, _: Batch, outputs: Outputs) -> None:
        """Accept or reject the batch."""
        self.send(outputs)
        self.alone -= 1
        self.committed += 1

    def send(self, outputs: Outputs) -> None:
        """Accept or reject the outputs."""
        if self.refusals:
            self.refusals -= 1
            raise BatchRefusedError("made to fail")
        self.drift += [row["value"] for row in outputs.get("drift-counts", [])]
        self.alone += 1


@dataclass
class Message:
    """A consumed message with a key."""

    def key(self) -> bytes:
        """Return the message's key."""
        return b"key"

    def headers(self) -> None:
        """Return the message's headers: none."""


class Bench:
    """A pipeline with a fake source, roles and sink."""

    def __init__(self, scorer: Scorer | None, refusals: int = 0, **settings: Any) -> None:
        self.source, self.roles, self.sink = FakeSource(), FakeRoles(scorer), FakeSink(refusals)
        self.errors: list[BaseException] = []
        self.counts = RoleCounter("0")
        self.settings = Settings().replace(**settings)
        self.drift = DriftOutbox(
            "0", self.settings.drift, self.settings.watermark, self.errors.append
        )  # not started: it counts in `stop` only
        parts: dict[str, Any] = {"source": self.source, "roles": self.roles, "sink": self.sink}
        self.pipeline = Pipeline(
            topics=self.settings.topic,
            max_unscorable_per_minute=self.settings.worker.max_unscorable_per_minute,
            metrics=WorkerMetrics(),
            counts=self.counts,
            drift=self.drift,
            stop=self.errors.append,
            **parts,
        )

    def batch(self, *values: bytes) -> Batch:
        """Return a batch from the current epoch."""
        return Batch([Message()] * len(values), raw_batch(values), None, self.source.epoch, {}, {0: 1}, 0.0)

    def run(self, *values: bytes) -> None:
        """Score and commit a batch."""
        work = self.pipeline.score(self.batch(*values))
        if work is not None:
            self.pipeline.commit(work)


def faulty_scorer() -> Scorer:
    """Return a scorer whose champion fails on the transaction `BAD`, but not on its parity rows."""
    return scorer(fake_model(rule=failing_where(lambda matrix: matrix[:, 0] > 5)))


def test_a_batch_without_a_champion_is_read_again() -> None:
    """A batch without a champion is not skipped: the epoch rises, and the batch is read again."""
    bench = Bench(None)
    assert bench.pipeline.score(bench.batch(GOOD)) is None
    assert (bench.source.epoch, bench.source.done_times) == (1, 1)


def test_a_stale_batch_is_discarded() -> None:
    """A batch from an older epoch is discarded, because it will be read again anyway."""
    bench = Bench(faulty_scorer())
    batch = bench.batch(GOOD)
    bench.source.fail()
    assert bench.pipeline.score(batch) is None
    assert (bench.source.epoch, bench.source.done_times) == (1, 1)


def test_a_batch_that_became_stale_after_scoring_is_not_committed() -> None:
    """A scored batch is not committed if an earlier batch failed in the meantime."""
    bench = Bench(faulty_scorer())
    work = bench.pipeline.score(bench.batch(GOOD))
    assert work is not None
    bench.source.fail()
    bench.pipeline.commit(work)
    assert bench.sink.committed == 0
    assert bench.source.done_times == 1


def test_only_committed_batches_are_counted() -> None:
    """A batch that the sink rejects and that is read again counts once in verdicts, scores and latencies."""
    bench = Bench(faulty_scorer(), refusals=2)
    for _ in range(2):
        bench.run(GOOD, BAD, GOOD)
        assert bench.counts.take() == []
    bench.run(GOOD, BAD, GOOD)
    (counts,) = bench.counts.take()
    (champion,) = counts.players
    assert (champion.transactions, champion.problems, sum(champion.scores), sum(counts.latencies)) == (3, 1, 2, 1)


def test_unscorable_transactions_count_once() -> None:
    """Unscorable transactions count once, however often the sink rejects their batch and it is read again."""
    bench = Bench(faulty_scorer(), refusals=3, worker_max_unscorable_per_minute=4)
    for _ in range(4):
        bench.run(BAD, GOOD, BAD)
    assert bench.sink.committed == 1
    assert not bench.errors
    bench.run(BAD, BAD)
    assert bench.sink.committed == 2
    bench.run(BAD)
    assert bench.sink.committed == 2
    [error] = bench.errors
    assert "more than 4 transactions in a minute" in str(error)


def test_unscorable_transactions_count_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unscorable transactions of more than a minute ago no longer count towards the limit."""
    monkeypatch.setattr(pipeline, "MINUTE_S", 0.0)
    bench = Bench(faulty_scorer(), worker_max_unscorable_per_minute=1)
    for _ in range(3):
        bench.run(BAD)
    assert bench.sink.committed == 3
    assert not bench.errors


def test_an_unforeseen_error_of_the_scorer_skips_no_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the batch is committed: the epoch rises, and the batch is read again."""
    monkeypatch.setattr("stream.worker.pipeline.time.sleep", lambda _: None)
    bench = Bench(Mock(score=Mock(side_effect=RuntimeError("unforeseen"))))
    assert bench.pipeline.score(bench.batch(GOOD)) is None
    assert (bench.source.epoch, bench.source.done_times) == (1, 1)
    assert not bench.errors


def test_ten_failures_in_a_row_end_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten consecutive failures end the worker; a success in between resets the number of failures."""
    monkeypatch.setattr("stream.worker.pipeline.time.sleep", lambda _: None)
    bench = Bench(faulty_scorer(), refusals=9)
    for _ in range(10):
        bench.run(GOOD)
    assert not bench.errors
    bench.sink.refusals = 10
    for _ in range(10):
        bench.run(GOOD)
    [error] = bench.errors
    assert isinstance(error, FraudError)
    assert "10 batches in a row failed, the last with: made to fail" in str(error)


def drift_rows(bench: Bench) -> list[int]:
    """Return the number of rows in each drift-counts message that was sent."""
    return [msgspec.json.decode(raw, type=DriftCounts).rows for raw in bench.sink.drift]


def test_drift_counts_are_sent_with_the_next_batch() -> None:
    """Drift counts are sent with the next batch, and again with the batch after it if the sink rejects the first."""
    bench = Bench(faulty_scorer())
    bench.run(GOOD, GOOD)
    bench.drift.stop()
    assert drift_rows(bench) == []
    bench.sink.refusals = 2
    for _ in range(3):
        bench.run(GOOD, BAD, GOOD, GOOD)
    assert drift_rows(bench) == [2]
    bench.drift.stop()
    bench.run(GOOD)
    assert drift_rows(bench) == [2, 3]
    assert bench.sink.alone == 0


def test_drift_counts_are_sent_alone_if_no_batch_comes() -> None:
    """If no batch arrives, drift counts are sent alone; after a rejection, the same counts are sent again."""
    bench = Bench(faulty_scorer())
    bench.run(GOOD, GOOD)
    bench.pipeline.send_drift()
    assert (drift_rows(bench), bench.sink.alone) == ([], 0)
    bench.drift.stop()
    bench.sink.refusals = 1
    bench.pipeline.send_drift()
    assert (drift_rows(bench), bench.sink.alone) == ([], 0)
    for _ in range(2):
        bench.pipeline.send_drift()
    assert (drift_rows(bench), bench.sink.alone) == ([2], 1)
    assert not bench.errors

"""The pipeline with stand-ins for Kafka: what it does with a batch that nobody may decide, or that fails."""

from dataclasses import dataclass, field
from typing import Any

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
from stream.worker.metrics import WorkerMetrics
from stream.worker.pipeline import Pipeline
from tests.scoring.fake_model import failing_where, fake_model, features, raw_batch, scorer, transaction

#: Transactions that the champion of these tests fails at, or takes.
BAD, GOOD = transaction(features(9)), transaction(features(0))


@dataclass
class Source:
    """A source that notes what it is told."""

    epoch: int = 0
    done_times: int = 0

    def fail(self) -> None:
        """Raise the epoch."""
        self.epoch += 1

    def done(self) -> None:
        """Note it."""
        self.done_times += 1


@dataclass
class Roles:
    """Who decides, and who was demoted."""

    scorer: Scorer | None
    demoted: list[Scorer] = field(default_factory=list)

    def demote(self, scorer: Scorer, _: Exception) -> None:
        """Note it."""
        self.demoted.append(scorer)


@dataclass
class Sink:
    """A sink that refuses so many batches before it takes one."""

    refusals: int = 0
    committed: int = 0

    #: Encoded drift-counts that got through.
    drift: list[bytes] = field(default_factory=list)
    #: Sent with no batch.
    alone: int = 0

    def commit(self, _: Batch, outputs: Outputs) -> None:
        """Refuse, or take."""
        self.send(outputs)
        self.alone -= 1
        self.committed += 1

    def send(self, outputs: Outputs) -> None:
        """Refuse, or take."""
        if self.refusals:
            self.refusals -= 1
            raise BatchRefusedError("made to fail")
        self.drift += [row["value"] for row in outputs.get("drift-counts", [])]
        self.alone += 1


@dataclass
class Message:
    """What is asked of a message that was read: its key."""

    def key(self) -> bytes:
        """Return a key."""
        return b"key"


class Bench:
    """A pipeline with everything it talks to."""

    def __init__(self, scorer: Scorer | None, refusals: int = 0, **settings: Any) -> None:
        self.source, self.roles, self.sink = Source(), Roles(scorer), Sink(refusals)
        self.ended: list[BaseException] = []
        self.counts = RoleCounter("0")
        self.settings = Settings().replace(**settings)
        self.drift = DriftOutbox(self.settings, self.ended.append)  # counts when told to stop, here and not before
        parts: dict[str, Any] = {"source": self.source, "roles": self.roles, "sink": self.sink}
        self.pipeline = Pipeline(
            settings=self.settings,
            metrics=WorkerMetrics(),
            counts=self.counts,
            drift=self.drift,
            stop=self.ended.append,
            **parts,
        )

    def batch(self, *values: bytes) -> Batch:
        """Return a batch as it would be read now."""
        return Batch([Message()] * len(values), raw_batch(values), None, self.source.epoch, {}, {0: 1}, 0.0)

    def run(self, *values: bytes) -> None:
        """Score and commit a batch."""
        work = self.pipeline.score(self.batch(*values))
        if work is not None:
            self.pipeline.commit(work)


def picky() -> Scorer:
    """Return a scorer whose champion fails at `BAD`, not at its parity rows."""
    return scorer(fake_model(rule=failing_where(lambda matrix: matrix[:, 0] > 5)))


def test_a_batch_without_a_champion_is_read_again() -> None:
    """A batch that was read just when the champion fell is not passed over: it raises the epoch."""
    bench = Bench(None)
    assert bench.pipeline.score(bench.batch(GOOD)) is None
    assert (bench.source.epoch, bench.source.done_times) == (1, 1)


def test_a_stale_batch_is_dropped_silently() -> None:
    """A batch of an older epoch is on its way back already."""
    bench = Bench(picky())
    batch = bench.batch(GOOD)
    bench.source.fail()
    assert bench.pipeline.score(batch) is None
    assert (bench.source.epoch, bench.source.done_times) == (1, 1)


def test_a_batch_that_went_stale_after_its_score_is_not_committed() -> None:
    """A failure of an earlier batch, between score and commit, holds a scored one back."""
    bench = Bench(picky())
    work = bench.pipeline.score(bench.batch(GOOD))
    assert work is not None
    bench.source.fail()
    bench.pipeline.commit(work)
    assert bench.sink.committed == 0
    assert bench.source.done_times == 1


def test_only_what_is_committed_is_counted() -> None:
    """A batch that is refused and read again counts once in what each model said, with the time its scoring took."""
    bench = Bench(picky(), refusals=2)
    for _ in range(2):
        bench.run(GOOD, BAD, GOOD)
        assert bench.counts.take() == []
    bench.run(GOOD, BAD, GOOD)
    (counts,) = bench.counts.take()
    (champion,) = counts.players
    assert (champion.transactions, champion.problems, sum(champion.scores), sum(counts.latencies)) == (3, 1, 2, 1)


def test_unscorable_ones_count_once() -> None:
    """A batch that is refused and read again counts its unscorable transactions once, however often it is tried."""
    bench = Bench(picky(), refusals=3, worker_max_unscorable_per_minute=4)
    for _ in range(4):
        bench.run(BAD, GOOD, BAD)
    assert bench.sink.committed == 1
    assert not bench.ended
    bench.run(BAD, BAD)
    assert bench.sink.committed == 2
    bench.run(BAD)
    assert bench.sink.committed == 2
    [error] = bench.ended
    assert "more than 4 transactions in a minute" in str(error)


def test_ten_failures_in_a_row_end_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reading again does not mend is not tried for ever; a success in between starts the count anew."""
    monkeypatch.setattr("stream.worker.pipeline.time.sleep", lambda _: None)
    bench = Bench(picky(), refusals=9)
    for _ in range(10):
        bench.run(GOOD)
    assert not bench.ended
    bench.sink.refusals = 10
    for _ in range(10):
        bench.run(GOOD)
    [error] = bench.ended
    assert isinstance(error, FraudError)
    assert "10 batches in a row failed, the last with: made to fail" in str(error)


def drift_rows(bench: Bench) -> list[int]:
    """Return the rows of each drift-counts message that got through."""
    return [msgspec.json.decode(raw, type=DriftCounts).rows for raw in bench.sink.drift]


def test_drift_counts_ride_on_the_next_batch() -> None:
    """A refused batch's own rows are read again; what rode on it had been committed, and rides again unchanged."""
    bench = Bench(picky())
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


def test_drift_counts_are_sent_alone_where_no_batch_comes() -> None:
    """After a refusal the same again."""
    bench = Bench(picky())
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
    assert not bench.ended

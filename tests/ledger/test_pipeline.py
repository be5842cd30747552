"""From batches to rows: which batches are read again after a failure of the database, Kafka or another ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest
from sqlalchemy import Engine, func, select

from schemas.errors import BatchRefusedError
from schemas.messages import encode
from stream.kafka.batch import Batch
from stream.kafka.sink import Outputs
from stream.ledger import database
from stream.ledger import pipeline as pipeline_module
from stream.ledger.database import opened_engine, reading, writing
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.migrate import migrate
from stream.ledger.pipeline import LedgerPipeline
from stream.ledger.tables import decisions, offsets
from tests.support.archive_batch import FakeMessage, FakeSource
from tests.support.ledger_batch import LedgerWriter
from tests.support.records import BASE_MS, decision


class FakeLedgerSource(FakeSource):
    """Stands in for a StoredSource and counts failures and back-offs."""

    def __init__(self) -> None:
        super().__init__()
        self.back_offs = 0
        self.finished = 0

    def back_off(self) -> None:
        """Count a batch that another ledger has claimed."""
        self.back_offs += 1

    def done(self) -> None:
        """Count a batch that is no longer in flight."""
        self.finished += 1


class FailingSink:
    """A sink that rejects a set number of batches before it accepts dead letters; Kafka cannot be made to."""

    def __init__(self) -> None:
        self.failures = 0
        self.sent: list[Outputs] = []

    def commit(self, _: Batch, outputs: Outputs) -> None:
        """Accept the dead letters, or fail."""
        if self.failures:
            self.failures -= 1
            raise BatchRefusedError("made to fail")
        self.sent.append(outputs)


class Parts(NamedTuple):
    """A pipeline on a real database, and what surrounds it."""

    pipeline: LedgerPipeline
    source: FakeLedgerSource
    sink: FailingSink
    writer: LedgerWriter
    engine: Engine
    stop: Mock
    metrics: LedgerMetrics

    def batch(self, *values: bytes) -> Batch:
        """Return message values as the next batch of the partition."""
        made = self.writer.batch([decision(number) for number in range(len(values))])
        messages = [FakeMessage((1, BASE_MS))] * len(values)
        return replace(made, messages=messages, raw=replace_values(made, values), epoch=self.source.epoch)

    def dropped(self, cause: str) -> float | None:
        """Return the number of batches dropped for this cause."""
        return self.metrics.registry.get_sample_value("ledger_batches_dropped_total", {"cause": cause})

    def stored(self) -> tuple[int, int]:
        """Return the number of decisions in the database, and the next offset to read."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(func.count()).select_from(decisions)).scalar_one()
            return rows, connection.execute(select(offsets.c.next_offset)).scalar_one()


def replace_values(batch: Batch, values: Sequence[bytes]) -> Any:
    """Return the raw part of a batch with other values."""
    raw = batch.raw
    return type(raw)(raw.topic, list(values), raw.partitions, raw.offsets)


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """A pipeline of decisions on an empty SQLite ledger, which waits for neither Kafka nor a locked file."""
    monkeypatch.setattr(database, "BUSY_S", 0.01)
    monkeypatch.setattr(pipeline_module, "DEAD_LETTERS_BACKOFF_S", 0.0)
    with opened_engine(f"sqlite:///{tmp_path}/ledger.db") as engine:
        migrate(engine)
        writer, metrics, stop = LedgerWriter(engine), LedgerMetrics(), Mock()
        source, sink = FakeLedgerSource(), FailingSink()
        stand_ins: dict[str, Any] = {"source": source, "dead_letters": sink}
        pipeline = LedgerPipeline(
            kind=writer.kind,
            store=writer.store,
            dead_letters_topic="dead-letters",
            metrics=metrics,
            clock=writer.clock,
            stop=stop,
            **stand_ins,
        )
        yield Parts(pipeline, source, sink, writer, engine, stop, metrics)


GOOD, BAD = encode(decision(1)), b"{"


def test_rows_are_stored_only_after_their_dead_letters(parts: Parts) -> None:
    """If Kafka does not accept a dead letter, the whole batch is read again: a rejected message is never lost."""
    parts.sink.failures = 1
    parts.pipeline.process(parts.batch(GOOD, BAD))
    assert parts.stored() == (0, 0)
    assert (parts.source.failures, parts.dropped("dead_letters")) == (1, 1)
    parts.pipeline.process(parts.batch(GOOD, BAD))
    assert parts.stored() == (1, 2)
    assert [len(outputs["dead-letters"]) for outputs in parts.sink.sent] == [1]
    assert parts.source.finished == 2
    parts.stop.assert_not_called()


def test_a_batch_of_partitions_that_moved_is_dropped(parts: Parts) -> None:
    """A batch read before the source failed or its partitions moved writes nothing."""
    stale = parts.batch(GOOD)
    parts.source.epoch += 1
    parts.pipeline.process(stale)
    assert parts.stored() == (0, 0)
    assert (parts.dropped("stale"), parts.source.failures, parts.source.finished) == (1, 0, 1)


def test_a_ledger_backs_off_from_a_partition_that_another_has_claimed(parts: Parts) -> None:
    """Another owner's claim rejects the batch, and this ledger backs off instead of taking the partition back."""
    batch = parts.batch(GOOD)
    LedgerWriter(parts.engine, name="another")
    parts.pipeline.process(batch)
    assert parts.stored() == (0, 0)
    assert (parts.source.back_offs, parts.source.failures, parts.dropped("claimed")) == (1, 0, 1)
    parts.stop.assert_not_called()


def test_a_batch_is_read_again_after_an_outage(parts: Parts) -> None:
    """A database that another program has locked counts as an outage: the batch is read again."""
    with opened_engine(str(parts.engine.url)) as other, writing(other):
        parts.pipeline.process(parts.batch(GOOD))
    assert parts.stored() == (0, 0)
    assert (parts.source.failures, parts.dropped("database")) == (1, 1)
    parts.stop.assert_not_called()


def test_an_unexpected_error_ends_the_ledger(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error ends the ledger, because continuing with the next batch would skip this one."""
    unexpected = ValueError("unexpected")
    monkeypatch.setattr(parts.writer.store, "write", Mock(side_effect=unexpected))
    parts.pipeline.process(parts.batch(GOOD))
    parts.stop.assert_called_once_with(unexpected)
    assert parts.stored() == (0, 0)
    assert (parts.source.failures, parts.source.finished) == (1, 1)

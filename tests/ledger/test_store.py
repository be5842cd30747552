"""Rows and offsets are written in one transaction, by one owner."""

import contextlib
import logging
import threading

import pytest
from sqlalchemy import Engine, event, func, select, text

from schemas.errors import LedgerUnavailableError, StaleOwnerError
from stream.ledger.database import opened_engine, reading, writing
from stream.ledger.tables import decisions, offsets
from stream.runtime.outage import Outage
from tests.support.ledger_batch import LedgerWriter
from tests.support.postgres import Postgres
from tests.support.records import decision, label


def rows(engine: Engine) -> int:
    """Return the number of decisions."""
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(decisions)).scalar_one())


def test_a_claim_returns_the_offset_to_read_next(engine: Engine) -> None:
    """The first claim of a partition returns offset 0, and each claim raises the epoch by one."""
    first = LedgerWriter(engine, partitions=(0, 1))
    assert {p: (c.owner_epoch, c.next_offset) for p, c in first.claims.items()} == {0: (1, 0), 1: (1, 0)}
    first.write([decision(1), decision(2)])
    second = LedgerWriter(engine, partitions=(0, 1), name="two")
    assert {p: (c.owner_epoch, c.next_offset) for p, c in second.claims.items()} == {0: (2, 2), 1: (2, 0)}


def test_a_stale_writer_is_refused_and_writes_nothing(engine: Engine) -> None:
    """A stale writer's transaction is rolled back, and the error names the current owner."""
    first = LedgerWriter(engine)
    held = first.batch([decision(1)])
    second = LedgerWriter(engine, name="two")
    with pytest.raises(StaleOwnerError, match="decisions/0 is now claimed by two;"):
        first.write_batch(held)
    assert rows(engine) == 0
    second.write([decision(1)])
    with pytest.raises(StaleOwnerError):
        first.write_batch(held)
    assert rows(engine) == 1


def test_one_stale_partition_makes_the_whole_batch_stale(engine: Engine) -> None:
    """One stale partition makes the whole batch stale, because half a batch would need offsets of its own."""
    first = LedgerWriter(engine, partitions=(0, 1))
    mine, theirs = first.batch([decision(1)], 0), first.batch([decision(2)], 1)
    mixed = first.batch([decision(1)], 0)
    mixed.start.update(theirs.start)
    mixed.end.update(theirs.end)
    LedgerWriter(engine, partitions=(1,), name="two")
    with pytest.raises(StaleOwnerError, match="decisions/1"):
        first.write_batch(mixed)
    assert rows(engine) == 0
    first.write_batch(mine)
    assert rows(engine) == 1


def test_a_batch_written_twice_is_refused_the_second_time(engine: Engine) -> None:
    """A batch written again after a commit whose reply was lost is rejected, and none of its rows count as repeats."""
    writer = LedgerWriter(engine)
    batch = writer.batch([decision(1)])
    writer.write_batch(batch)
    with pytest.raises(StaleOwnerError):
        writer.write_batch(batch)
    with reading(engine) as connection:
        assert connection.execute(select(decisions.c.repeats)).scalars().all() == [0]


def test_a_failure_between_rows_and_commit_leaves_neither_rows_nor_offsets(engine: Engine) -> None:
    """A failure just before the commit leaves neither rows nor offsets, which are written in one transaction."""
    writer = LedgerWriter(engine)

    def fail(*_: object) -> None:
        raise RuntimeError("just before the commit")

    event.listen(engine, "commit", fail)
    with pytest.raises(RuntimeError):
        writer.write([decision(1)])
    event.remove(engine, "commit", fail)
    with reading(engine) as connection:
        assert connection.execute(select(offsets.c.next_offset)).scalars().all() == [0]
    assert rows(engine) == 0
    writer.write([decision(1)])
    assert rows(engine) == 1


def test_repeats_are_counted_once(engine: Engine) -> None:
    """Repeats are counted within a batch and across batches."""
    writer = LedgerWriter(engine)
    first = writer.write([decision(1), decision(2), decision(1)])
    second = writer.write([decision(1), decision(3)])
    assert [(each.new, each.repeated) for each in (first, second)] == [(2, 1), (1, 1)]


def test_labels_before_their_decisions_are_counted_and_wait(engine: Engine) -> None:
    """Labels that arrive before their decisions count as unknown, and are stored nevertheless."""
    labels = LedgerWriter(engine, "labels")
    assert labels.write([label(1), label(2)]).unknown == 2
    LedgerWriter(engine).write([decision(1)])
    assert labels.write([label(1, label_id="again"), label(3), label(3, label_id="more")]).unknown == 2


def test_competing_owners_write_each_message_once(engine: Engine) -> None:
    """Four owners that repeatedly claim the same partition write each message once."""
    messages = [decision(number) for number in range(60)]

    def claim_and_write(name: str) -> None:
        while True:
            writer = LedgerWriter(engine, name=name)
            start = writer.next[0]
            if start >= len(messages):
                return
            with contextlib.suppress(StaleOwnerError):
                writer.write(messages[start : start + 5])

    threads = [threading.Thread(target=claim_and_write, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with reading(engine) as connection:
        stored = connection.execute(select(decisions.c.topic_offset, decisions.c.repeats)).all()
    assert sorted(tuple(row) for row in stored) == [(number, 0) for number in range(60)]


def test_a_locked_sqlite_file_is_an_outage(
    tmp_path: object, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked SQLite file is an outage, logged once when it begins and once when it ends, however many calls fail."""
    monkeypatch.setattr("stream.ledger.database.BUSY_S", 0.05)
    outage = Outage("the ledger database")
    caplog.set_level(logging.INFO)

    def query() -> None:
        with outage.track("query"), writing(engine) as connection:
            connection.execute(text("SELECT 1"))

    url = f"sqlite:///{tmp_path}/ledger.db"
    with opened_engine(url) as engine, opened_engine(url) as other:
        with writing(other):
            for _ in range(3):
                with pytest.raises(LedgerUnavailableError, match="database is locked"):
                    query()
            began = outage.active
        assert began
        query()
    assert not outage.active
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "reading pauses until it responds" in lines[0]
    assert lines[1].startswith("the ledger database is responding again")


def test_a_stopped_postgres_is_an_outage(cluster: Postgres) -> None:
    """A stopped Postgres is an outage; after its restart, stale connections are replaced without further errors."""
    with opened_engine(cluster.create_database("goes-and-comes")) as engine:
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))
        cluster.stop()
        try:
            for _ in range(2):
                with pytest.raises(LedgerUnavailableError), reading(engine):
                    pass
        finally:
            cluster.start()
        with reading(engine) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1

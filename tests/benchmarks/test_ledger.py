"""The bench of the ledger writes what it counts."""

from pathlib import Path

from sqlalchemy import func, select

from benchmarks.ledger import Stream, made, write_all
from stream.ledger.database import migrate, open_engine
from stream.ledger.tables import decisions, shadow_scores
from stream.settings import Settings


def test_every_row_that_is_counted_is_there(tmp_path: Path) -> None:
    """As many shadow scores as decisions, none repeated, in batches of the settings' size."""
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate(engine)
    assert write_all(engine, Settings().replace(kafka_batch_max=300), 1_000) > 0
    with engine.connect() as connection:
        for table in (decisions, shadow_scores):
            found = connection.execute(select(func.count(), func.max(table.c.repeats)).select_from(table)).one()
            assert tuple(found) == (1_000, 0)
    engine.dispose()


def test_the_steady_stream_is_made_when_it_is_sent() -> None:
    """Sliced as a list would be, keyed by card."""
    stream = Stream(1, 10)
    assert len(stream) == 10
    part = stream[8:12]
    assert [key for key, _ in part] == [made(number)[1].card_id for number in (8, 9)]
    assert stream[3][0] == made(3)[1].card_id

"""The ledger benchmark writes every row that it counts."""

from pathlib import Path

from sqlalchemy import func, select

from benchmarks.ledger import GeneratedMessages, make_messages, write_all
from stream.ledger.database import opened_engine
from stream.ledger.migrate import migrate
from stream.ledger.tables import decisions, shadow_scores
from stream.settings import Settings


def test_every_counted_row_is_written(tmp_path: Path) -> None:
    """The ledger writes as many shadow scores as decisions, none of them twice, in batches of the configured size."""
    with opened_engine(f"sqlite:///{tmp_path}/ledger.db") as engine:
        migrate(engine)
        assert write_all(engine, Settings().replace(kafka_batch_max=300), 1_000) > 0
        with engine.connect() as connection:
            for table in (decisions, shadow_scores):
                rows = connection.execute(select(func.count(), func.max(table.c.repeats)).select_from(table)).one()
                assert tuple(rows) == (1_000, 0)


def test_generated_messages_behave_like_a_list() -> None:
    """Generated messages have a length and can be indexed and sliced; their key is the card."""
    messages = GeneratedMessages(1, 10)
    assert len(messages) == 10
    part = messages[8:12]
    assert [key for key, _ in part] == [make_messages(number)[1].card_id for number in (8, 9)]
    assert messages[3][0] == make_messages(3)[1].card_id

"""Inserting rows that are repeated and arrive in any order."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select

from schemas.messages import encode
from stream.ledger.database import writing
from stream.ledger.message_kinds import MessageKind, all_message_kinds
from stream.ledger.upsert import insert_rows
from stream.settings import Settings
from tests.support.records import decision, label, shadow

KINDS: dict[str, MessageKind[Any]] = {kind.name: kind for kind in all_message_kinds(Settings().topic)}


def contents(engine: Engine, kind: MessageKind[Any]) -> list[tuple[Any, ...]]:
    """Return a table's rows, ordered by key."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(kind.table).order_by(*kind.table.primary_key))]


def insert(engine: Engine, kind: MessageKind[Any], rows: Sequence[dict[str, Any]]) -> int:
    """Insert rows in one transaction; return the number of repeated rows."""
    with writing(engine) as connection:
        return insert_rows(connection, kind.table, kind.order, rows)


def repeated_decisions() -> list[dict[str, Any]]:
    """Return rows with repeated decisions on three transactions: after a crash, or because the source repeats them."""
    kind = KINDS["decisions"]
    messages = [
        (decision(1), 5),
        (decision(1, scored_at_ms=1), 9),  # at-least-once delivery: the same source, written again later
        (decision(1, source_offset=77, score=0.5), 12),  # the source repeats the transaction
        (decision(2, source_topic="Transactions"), 6),
        (decision(2, source_topic="transactions-2"), 7),
        (decision(2, source_topic="transactions.0"), 8),
        (decision(3, source_partition=0), 10),
        (decision(3, source_partition=1, source_offset=0), 11),
    ]
    return [kind.row(encode(each), 0, offset, 1000 + offset) for each, offset in messages]


@pytest.mark.parametrize("seed", range(6))
def test_decisions_commute(engine: Engine, seed: int) -> None:
    """The stored decisions are the same for any order of messages and any batch size."""
    kind, rows = KINDS["decisions"], repeated_decisions()
    shuffled = random.Random(seed).sample(rows, len(rows))  # noqa: S311 - reproducible, not secret
    cut = seed % 3 + 1
    repeated = sum(insert(engine, kind, shuffled[at : at + cut]) for at in range(0, len(rows), cut))
    assert repeated == 5
    kept = {row[0]: row for row in contents(engine, kind)}
    names = [column.name for column in kind.table.c]
    one, two, three = (dict(zip(names, kept[f"t{n}"], strict=True)) for n in (1, 2, 3))
    assert (one["source_offset"], one["topic_offset"], one["score"], one["repeats"]) == (1, 5, 0.001, 2)
    assert (two["source_topic"], two["repeats"], two["ingested_at_ms"]) == ("Transactions", 2, 1006)
    assert (three["source_partition"], three["repeats"], three["topic_offset"]) == (0, 1, 10)


@pytest.mark.parametrize("seed", range(3))
def test_shadow_scores_commute(engine: Engine, seed: int) -> None:
    """The stored scores are the same for any order of messages, with one row for each policy of a bundle."""
    kind = KINDS["shadow_scores"]
    messages = [
        shadow(1),
        shadow(1, decision_id="transactions/1/77@1", score=0.9),
        shadow(1, policy_version="p3", score=0.7),
        shadow(1, decision_id="transactions/1/9@1", score=0.8),
    ]
    rows = [kind.row(encode(each), 0, offset, 1000) for offset, each in enumerate(messages)]
    random.Random(seed).shuffle(rows)  # noqa: S311 - reproducible, not secret
    assert sum(insert(engine, kind, [row]) for row in rows) == 2
    with engine.connect() as connection:
        c = kind.table.c
        stored = connection.execute(select(c.policy_version, c.score, c.repeats).order_by(c.policy_version)).all()
    assert [tuple(row) for row in stored] == [("p2", 0.101, 2), ("p3", 0.7, 0)]


def test_labels_keep_their_history(engine: Engine) -> None:
    """Each label_id has a row, a retraction adds a row, and a repeated label is counted."""
    kind = KINDS["labels"]
    messages = [label(1), label(1, label_id="l2", fraud=None), label(1, label_id="l3", source="analyst", fraud=False)]
    rows = [kind.row(encode(each), 0, offset, 1000) for offset, each in enumerate([*messages, messages[0]])]
    assert insert(engine, kind, rows) == 1
    with engine.connect() as connection:
        c = kind.table.c
        stored = connection.execute(select(c.label_id, c.fraud, c.repeats).order_by(c.label_id)).all()
    assert [tuple(row) for row in stored] == [("l1", True, 1), ("l2", None, 0), ("l3", False, 0)]


def test_amounts_may_be_missing_in_old_messages(engine: Engine) -> None:
    """A missing amount is stored as null, not as zero."""
    kind = KINDS["decisions"]
    insert(engine, kind, [kind.row(encode(decision(1, amount_minor=None, currency=None)), 0, 0, 0)])
    with engine.connect() as connection:
        assert connection.execute(select(kind.table.c.amount_minor, kind.table.c.currency)).one() == (None, None)


def test_inserting_no_rows_does_nothing(engine: Engine) -> None:
    """Inserting no rows does nothing, as for a batch in which every message was rejected."""
    assert insert(engine, KINDS["labels"], []) == 0
    with writing(engine) as connection:
        assert connection.execute(delete(KINDS["labels"].table)).rowcount == 0

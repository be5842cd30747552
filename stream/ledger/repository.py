"""Queries of the ledger's history: the watermark, and matured decisions with shadow scores and labels."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, or_, select

from stream.ledger.database import reading
from stream.ledger.history import MaturedDecisions, ModelIdentity, matured_from_columns
from stream.ledger.tables import decisions, labels, shadow_scores, watermarks

#: Number of rows to fetch at a time.
FETCH_ROWS = 50_000

_DECISION_COLUMNS = (
    decisions.c.transaction_id,
    decisions.c.card_id,
    decisions.c.event_time_ms,
    decisions.c.amount_minor,
    decisions.c.currency,
    decisions.c.arm,
    decisions.c.propensity,
    decisions.c.verdict,
    decisions.c.score,
    decisions.c.bundle_sha256,
    decisions.c.policy_version,
    decisions.c.role_epoch,
    shadow_scores.c.score.label("shadow_score"),
    shadow_scores.c.verdict.label("shadow_verdict"),
)
#: Columns of labels, in the order that `stream.ledger.history.labels_from_columns` expects.
LABEL_COLUMNS = (
    labels.c.transaction_id,
    labels.c.source,
    labels.c.fraud,
    labels.c.event_time_ms,
    labels.c.ingested_at_ms,
)


def load_watermark(engine: Engine) -> int | None:
    """Return the event time up to which history is complete, UTC milliseconds; None if there is none yet.

    Raises:
        LedgerUnavailableError: If the database is not responding.
    """
    with reading(engine) as connection:
        return read_watermark(connection)


def read_watermark(connection: Connection) -> int | None:
    """Return the watermark as `load_watermark` does, within a transaction."""
    # If there are several topics, for example after one was renamed, take the highest watermark: the others receive no
    # more rows.
    newest: int | None = connection.execute(select(func.max(watermarks.c.event_time_ms))).scalar()
    return newest


def load_matured_decisions(
    engine: Engine,
    *,
    champion: ModelIdentity,
    challenger: ModelIdentity,
    since: int,
    until: int,
    maturity_ms: int = 0,
) -> MaturedDecisions:
    """Return the decisions in an interval that one of two models made while the other one shadowed.

    Where the challenger decided, on its share of the cards, the champion's score and verdict come from its shadow
    score.

    Args:
        engine: Ledger database.
        champion: Model that decides, or shadows where the challenger decided.
        challenger: Model that shadows, or decides for its share of the cards.
        since: Start of the interval, event time in UTC milliseconds, included.
        until: End of the interval, event time in UTC milliseconds, excluded; the interval never extends beyond the
            watermark minus `maturity_ms`.
        maturity_ms: Label delay in milliseconds; 0 for all decisions for which history is complete.

    Raises:
        LedgerUnavailableError: If the database is not responding.
    """
    with reading(engine) as connection:
        complete_ms = read_watermark(connection)
        until = since if complete_ms is None else min(until, complete_ms - maturity_ms)
        d = decisions.c
        window = and_(d.event_time_ms >= since, d.event_time_ms < until)
        condition = _decided_and_shadowed(champion, challenger, window)
        decided = fetch_columns(connection, _decisions_query(condition), len(_DECISION_COLUMNS))
        labelled = fetch_columns(connection, _labels_query(condition), len(LABEL_COLUMNS))
    return matured_from_columns(decided, labelled, challenger)


def _decided_and_shadowed(
    champion: ModelIdentity, challenger: ModelIdentity, window: ColumnElement[bool]
) -> ColumnElement[bool]:
    def of(table: Any, model: ModelIdentity) -> ColumnElement[bool]:
        return and_(table.c.bundle_sha256 == model.bundle_sha256, table.c.policy_version == model.policy_version)

    return and_(
        window,
        or_(
            and_(of(decisions, champion), of(shadow_scores, challenger)),
            and_(of(decisions, challenger), of(shadow_scores, champion)),
        ),
    )


_joined = decisions.join(shadow_scores, decisions.c.transaction_id == shadow_scores.c.transaction_id)


def _decisions_query(condition: ColumnElement[bool]) -> Select[Any]:
    d = decisions.c
    return select(*_DECISION_COLUMNS).select_from(_joined).where(condition).order_by(d.event_time_ms, d.transaction_id)


def _labels_query(condition: ColumnElement[bool]) -> Select[Any]:
    d, c = decisions.c, labels.c
    return (
        select(*LABEL_COLUMNS)
        .select_from(_joined.join(labels, c.transaction_id == d.transaction_id))
        .where(condition)
        .order_by(d.event_time_ms, d.transaction_id, c.event_time_ms, c.label_id)
    )


def fetch_columns(connection: Connection, query: Select[Any], width: int) -> list[list[Any]]:
    """Return the `width` columns that a query selects, in the query's order."""
    columns: list[list[Any]] = [[] for _ in range(width)]
    for rows in _chunks(connection, query):
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
    return columns


def _chunks(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    return connection.execute(query, execution_options={"yield_per": FETCH_ROWS}).partitions()

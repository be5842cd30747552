"""What readers of history ask for: decisions old enough to be judged, what a challenger says, and their labels."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, or_, select

from stream.ledger.database import reading
from stream.ledger.history import Matured, ModelIdentity, from_columns
from stream.ledger.tables import decisions, labels, shadow_scores, watermarks

#: Rows fetched at a time.
FETCHED = 50_000


def watermark(engine: Engine) -> int | None:
    """Return the event time up to which history is complete, UTC milliseconds; None before there is one.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    with reading(engine) as connection:
        return watermark_of(connection)


def matured(
    engine: Engine,
    *,
    champion: ModelIdentity,
    challenger: ModelIdentity,
    since: int,
    until: int,
    maturity_ms: int = 0,
) -> Matured:
    """Return the decisions of an interval that both models took part in, one of them deciding.

    Where the challenger of a split decided, the champion's shadow score is what the champion says.

    Args:
        engine: The ledger's database.
        champion: Decides, or watches where the challenger decided.
        challenger: Watches, or decides for its share of the cards.
        since: Event time, UTC milliseconds, included.
        until: Likewise, excluded; never later than the watermark less `maturity_ms`, whatever is asked for.
        maturity_ms: How long a label may take; 0 for all decisions that history is complete for.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    with reading(engine) as connection:
        complete = watermark_of(connection)
        until = since if complete is None else min(until, complete - maturity_ms)
        d = decisions.c
        window = and_(d.event_time_ms >= since, d.event_time_ms < until)
        pair = _pair(champion, challenger, window)
        found = fetch_columns(connection, _decided(pair), len(_DECIDED))
        said = fetch_columns(connection, _said(pair), len(SAID))
    return from_columns(found, said, challenger)


_DECIDED = (
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
#: Of labels, as `labels_of` takes them.
SAID = (
    labels.c.transaction_id,
    labels.c.source,
    labels.c.fraud,
    labels.c.event_time_ms,
    labels.c.ingested_at_ms,
)


def watermark_of(connection: Connection) -> int | None:
    """Return `watermark` within a transaction."""
    # Of several topics, as after a change of name, the one that is furthest: the others get no more rows.
    found: int | None = connection.execute(select(func.max(watermarks.c.event_time_ms))).scalar()
    return found


def _pair(champion: ModelIdentity, challenger: ModelIdentity, window: ColumnElement[bool]) -> ColumnElement[bool]:
    def of(table: Any, model: ModelIdentity) -> ColumnElement[bool]:
        return and_(table.c.bundle_sha256 == model.bundle_sha256, table.c.policy_version == model.policy_version)

    return and_(
        window,
        or_(
            and_(of(decisions, champion), of(shadow_scores, challenger)),
            and_(of(decisions, challenger), of(shadow_scores, champion)),
        ),
    )


_both = decisions.join(shadow_scores, decisions.c.transaction_id == shadow_scores.c.transaction_id)


def _decided(pair: ColumnElement[bool]) -> Select[Any]:
    d = decisions.c
    return select(*_DECIDED).select_from(_both).where(pair).order_by(d.event_time_ms, d.transaction_id)


def _said(pair: ColumnElement[bool]) -> Select[Any]:
    labelled = _both.join(labels, labels.c.transaction_id == decisions.c.transaction_id)
    d, said = decisions.c, labels.c
    return (
        select(*SAID)
        .select_from(labelled)
        .where(pair)
        .order_by(d.event_time_ms, d.transaction_id, said.event_time_ms, said.label_id)
    )


def fetch_columns(connection: Connection, asked: Select[Any], width: int) -> list[list[Any]]:
    """Return `width` columns of what is asked, in its order."""
    columns: list[list[Any]] = [[] for _ in range(width)]
    for rows in _partitions(connection, asked):
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
    return columns


def _partitions(connection: Connection, asked: Select[Any]) -> Iterator[Any]:
    return connection.execute(asked, execution_options={"yield_per": FETCHED}).partitions()

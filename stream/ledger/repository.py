"""What readers of history ask for: decisions old enough to be judged, what a challenger says, and their labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, or_, select

from stream.ledger.database import reading
from stream.ledger.tables import decisions, labels, shadow_scores, watermarks

#: Rows fetched at a time.
FETCHED = 50_000

Texts = NDArray[np.object_]
Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class ModelIdentity(Struct, frozen=True):
    """What makes a decision: a bundle and the policy over it."""

    bundle_sha256: str
    policy_version: str


@dataclass(frozen=True, slots=True)
class Labels:
    """All labels of some decisions, those taken back included; (k,) each, by decision and then by time.

    Attributes:
        decision: Index of the decision it is of.
        source: chargeback, analyst or cardholder.
        fraud: 1 fraud, 0 legitimate, -1 the source takes back what it said.
        event_time_ms: When the source came to know, UTC milliseconds.
        ingested_at_ms: When the ledger read it, UTC milliseconds.
    """

    decision: NDArray[np.int64]
    source: Texts
    fraud: NDArray[np.int8]
    event_time_ms: Integers
    ingested_at_ms: Integers


@dataclass(frozen=True, slots=True)
class Matured:
    """Decisions of one champion and one challenger about the same transactions; (n,) each, by event time.

    Attributes:
        transaction_id: The transaction.
        card_id: Its card.
        event_time_ms: UTC milliseconds.
        amount_minor: Minor units; NaN in messages of before the ledger.
        currency: ISO 4217; empty likewise.
        arm: Who decided: champion, challenger, fallback, exploration.
        propensity: Probability with which the transaction got to that arm.
        by_challenger: Whether the challenger's model decided.
        role_epoch: Of the roles of then.
        verdict: What was done.
        champion_score: In [0, 1]; NaN where it could not score.
        champion_verdict: What it says, also where it did not decide; None where it could not score.
        challenger_score: Likewise.
        challenger_verdict: Likewise.
        labels: Of these decisions.
    """

    transaction_id: Texts
    card_id: Texts
    event_time_ms: Integers
    amount_minor: Numbers
    currency: Texts
    arm: Texts
    propensity: Numbers
    by_challenger: Flags
    role_epoch: Integers
    verdict: Texts
    champion_score: Numbers
    champion_verdict: Texts
    challenger_score: Numbers
    challenger_verdict: Texts
    labels: Labels

    def __len__(self) -> int:
        return len(self.transaction_id)


def watermark(engine: Engine) -> int | None:
    """Return the event time up to which history is complete, UTC milliseconds; None before there is one.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    with reading(engine) as connection:
        return _watermark(connection)


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
        complete = _watermark(connection)
        until = since if complete is None else min(until, complete - maturity_ms)
        d = decisions.c
        window = and_(d.event_time_ms >= since, d.event_time_ms < until)
        pair = _pair(champion, challenger, window)
        found = _columns(connection, _decided(pair), len(_DECIDED))
        said = _columns(connection, _said(pair), len(_SAID))
    return _matured(found, said, challenger)


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
_SAID = (
    labels.c.transaction_id,
    labels.c.source,
    labels.c.fraud,
    labels.c.event_time_ms,
    labels.c.ingested_at_ms,
)


def _watermark(connection: Connection) -> int | None:
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
        select(*_SAID)
        .select_from(labelled)
        .where(pair)
        .order_by(d.event_time_ms, d.transaction_id, said.event_time_ms, said.label_id)
    )


def _columns(connection: Connection, asked: Select[Any], width: int) -> list[list[Any]]:
    columns: list[list[Any]] = [[] for _ in range(width)]
    for rows in _partitions(connection, asked):
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
    return columns


def _partitions(connection: Connection, asked: Select[Any]) -> Iterator[Any]:
    return connection.execute(asked, execution_options={"yield_per": FETCHED}).partitions()


def _matured(found: list[list[Any]], said: list[list[Any]], challenger: ModelIdentity) -> Matured:
    ids, cards, times, amounts, currencies, arms, propensities, verdicts, scores, *rest = found
    bundles, policies, epochs, others, watched = rest
    by_challenger = np.array(
        [ModelIdentity(*each) == challenger for each in zip(bundles, policies, strict=True)], dtype=np.bool_
    )
    arm = _texts(arms)
    done = _texts(verdicts)
    # An explored transaction is one that its model would have declined.
    deciding = np.where(arm == "exploration", "decline", done).astype(np.object_)
    score, other = _numbers(scores), _numbers(others)
    shadow = _texts(watched)
    place = {transaction_id: index for index, transaction_id in enumerate(ids)}
    return Matured(
        transaction_id=_texts(ids),
        card_id=_texts(cards),
        event_time_ms=np.array(times, dtype=np.int64),
        amount_minor=_numbers(amounts),
        currency=_texts([currency or "" for currency in currencies]),
        arm=arm,
        propensity=_numbers(propensities),
        by_challenger=by_challenger,
        role_epoch=np.array(epochs, dtype=np.int64),
        verdict=done,
        champion_score=np.where(by_challenger, other, score),
        champion_verdict=np.where(by_challenger, shadow, deciding),
        challenger_score=np.where(by_challenger, score, other),
        challenger_verdict=np.where(by_challenger, deciding, shadow),
        labels=Labels(
            decision=np.array([place[transaction_id] for transaction_id in said[0]], dtype=np.int64),
            source=_texts(said[1]),
            fraud=np.array([-1 if fraud is None else int(fraud) for fraud in said[2]], dtype=np.int8),
            event_time_ms=np.array(said[3], dtype=np.int64),
            ingested_at_ms=np.array(said[4], dtype=np.int64),
        ),
    )


def _texts(values: list[Any]) -> Texts:
    column = np.empty(len(values), dtype=np.object_)
    column[:] = values
    return column


def _numbers(values: list[Any]) -> Numbers:
    return np.array(values, dtype=np.float64)  # None becomes NaN

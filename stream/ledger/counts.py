"""How much of history can be judged, and the views by day."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Engine, func, select, text

from stream.ledger.database import reading
from stream.ledger.history import ModelIdentity
from stream.ledger.tables import decisions, labels


class Counts(Struct, frozen=True):
    """What there is in an interval of event time, and what it still lacks."""

    #: Transactions with a decision.
    decisions: int
    #: Of these, with a label of any kind.
    labelled: int
    #: Of these, without one and younger than labels take: it may still come.
    waiting: int
    #: Of these, without one and declined: it can never come, whatever the truth was.
    censored: int
    #: Everywhere: labels whose transaction has no decision (yet).
    labels_without_decision: int


class DailyFlips(Struct, frozen=True):
    """How a challenger differed from the model that decided, on one day of event time (UTC), exploration left out."""

    #: YYYY-MM-DD
    day: str
    decided_by: ModelIdentity
    challenger: ModelIdentity
    transactions: int
    #: Of these, that the challenger could score.
    scored: int
    #: Of these, with another verdict.
    flips: int
    #: Challenger less deciding model, over the scored ones; None without any.
    mean_score_difference: float | None


class FlipCell(Struct, frozen=True):
    """One cell of a day's flip matrix."""

    day: str
    decided_by: ModelIdentity
    challenger: ModelIdentity
    #: Explored transactions have a verdict that is not their model's.
    arm: str
    decided: str
    #: None: the challenger could not score.
    challenger_verdict: str | None
    transactions: int
    #: As in DailyFlips.
    mean_score_difference: float | None


def count(engine: Engine, *, since: int, until: int, matured_before: int) -> Counts:
    """Count what an interval of event time holds.

    Args:
        engine: The ledger's database.
        since: UTC milliseconds, included.
        until: UTC milliseconds, excluded.
        matured_before: Decisions of this event time and later may still get their first label.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    d = decisions.c
    inside = (d.event_time_ms >= since) & (d.event_time_ms < until)
    labelled = select(labels.c.label_id).where(labels.c.transaction_id == d.transaction_id).exists()
    decided = select(decisions.c.transaction_id).where(d.transaction_id == labels.c.transaction_id).exists()
    declined = d.verdict == "decline"
    total = select(func.count()).select_from(decisions).where(inside)
    unknown = select(func.count()).select_from(labels).where(~decided)
    with reading(engine) as connection:

        def ask(asked: Any) -> int:
            return int(connection.execute(asked).scalar_one())

        return Counts(
            decisions=ask(total),
            labelled=ask(total.where(labelled)),
            waiting=ask(total.where(~labelled, ~declined, d.event_time_ms >= matured_before)),
            censored=ask(total.where(~labelled, declined)),
            labels_without_decision=ask(unknown),
        )


def daily_flips(engine: Engine, challenger: ModelIdentity) -> list[DailyFlips]:
    """Return how a challenger differed from whoever decided, by day.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    columns = "transactions, scored, flips, mean_score_difference"
    return [
        DailyFlips(day, ModelIdentity(*by), challenger, *rest)
        for day, by, rest in _ask_view(engine, "challengers_by_day", columns, challenger)
    ]


def flip_matrix(engine: Engine, challenger: ModelIdentity) -> list[FlipCell]:
    """Return the cells of a challenger's flip matrices, by day.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    columns = "arm, decided, challenger_verdict, transactions, mean_score_difference"
    return [
        FlipCell(day, ModelIdentity(*by), challenger, *rest)
        for day, by, rest in _ask_view(engine, "flips_by_day", columns, challenger)
    ]


def _ask_view(engine: Engine, view: str, columns: str, challenger: ModelIdentity) -> list[tuple[Any, Any, Any]]:
    asked = text(
        f"SELECT day, decided_by_sha256, decided_by_policy, {columns} FROM {view} "  # noqa: S608 - our own names
        "WHERE challenger_sha256 = :sha256 AND challenger_policy = :policy ORDER BY 1, 2, 3, 4, 5"
    )
    wanted = {"sha256": challenger.bundle_sha256, "policy": challenger.policy_version}
    with reading(engine) as connection:
        return [(row[0], row[1:3], row[3:]) for row in connection.execute(asked, wanted)]

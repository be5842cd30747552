"""How good each model has been on what has matured, as the labels of now say; counted by the database itself."""

from typing import Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Engine, Subquery, and_, func, select

from stream.evaluation.confusion import Confusion
from stream.ledger.database import reading
from stream.ledger.outcome_sql import judged
from stream.ledger.repository import watermark_of
from stream.ledger.tables import decisions, labels, shadow_scores

Role = Literal["champion", "challenger"]


class Model(Struct, frozen=True):
    """Whose figures they are."""

    bundle_sha256: str
    version: str
    #: One bundle under another policy is another model.
    policy: str
    #: champion: it decided; challenger: it watched.
    role: Role


class Quality(Struct, frozen=True):
    """What is known at one moment."""

    #: Of matured transactions whose outcome is known.
    matured: dict[Model, Confusion] = {}
    #: Decisions that are too young to be judged; of the models that decided.
    waiting: dict[Model, int] = {}
    #: When the newest label's source came to know, UTC milliseconds; None without a label.
    newest_label_ms: int | None = None


def quality(engine: Engine, *, window_ms: int, maturity_ms: int, latest_ms: int) -> Quality:
    """Return how good every model has been.

    What counts are the transactions of the last `window_ms` of event time that is old enough to be judged, whatever
    labels younger ones have: frauds report first. Those whose outcome can never be known (declined or reviewed, and
    nobody looked) count nowhere. Of a shadow score that says why there is none, nothing is counted.

    Args:
        engine: The ledger's database.
        window_ms: Length of the window, milliseconds.
        maturity_ms: How long a label may take.
        latest_ms: Labels of a later event time are not believed to be news; UTC milliseconds.

    Returns:
        No figures of models before there is a watermark.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    said = labels.c.event_time_ms
    with reading(engine) as connection:
        newest: int | None = connection.execute(select(func.max(said)).where(said <= latest_ms)).scalar()
        watermark_ms = watermark_of(connection)
        if watermark_ms is None:
            return Quality(newest_label_ms=newest)
        until, time = watermark_ms - maturity_ms, decisions.c.event_time_ms
        window = and_(time >= until - window_ms, time < until)
        return Quality(_matured(connection, window), _waiting(connection, time >= until), newest)


def _matured(connection: Connection, window: ColumnElement[bool]) -> dict[Model, Confusion]:
    decided, s = judged(window), shadow_scores.c
    watched = (
        select(
            s.bundle_sha256,
            s.model_version,
            s.policy_version,
            (s.verdict != "approve").label("alerted"),
            decided.c.fraud,
        )
        .select_from(decided.join(shadow_scores, s.transaction_id == decided.c.transaction_id))
        .where(s.verdict.is_not(None))
        .subquery()
    )
    return _counted(connection, "champion", decided) | _counted(connection, "challenger", watched)


def _counted(connection: Connection, role: Role, rows: Subquery) -> dict[Model, Confusion]:
    """Count rows that have the columns of `judged`."""
    c = rows.c
    model = (c.bundle_sha256, c.model_version, c.policy_version)
    # In the order of Confusion's fields.
    cells = ((1, c.alerted), (0, c.alerted), (0, ~c.alerted), (1, ~c.alerted))
    counts = (func.count().filter(c.fraud == fraud, alerted) for fraud, alerted in cells)
    asked = select(*model, *counts).where(c.fraud.is_not(None)).group_by(*model)
    found = connection.execute(asked).all()
    return {Model(sha256, version, policy, role): Confusion(*counts) for sha256, version, policy, *counts in found}


def _waiting(connection: Connection, young: ColumnElement[bool]) -> dict[Model, int]:
    d = decisions.c
    model = (d.bundle_sha256, d.model_version, d.policy_version)
    found = connection.execute(select(*model, func.count()).where(young).group_by(*model)).all()
    return {Model(sha256, version, policy, "champion"): count for sha256, version, policy, count in found}

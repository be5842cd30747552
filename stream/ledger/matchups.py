"""Who stands against whom by the roles in use, and what the ledger knows of both."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Engine, select

from schemas.messages import BundleRef, Exploration, ModelUpdate, Policy
from stream.evaluation.cohorts import Pairs
from stream.ledger.database import reading
from stream.ledger.history import ModelIdentity
from stream.ledger.pairs import as_pairs
from stream.ledger.repository import matured, watermark
from stream.ledger.tables import decisions, role_changes, shadow_scores

_update = msgspec.json.Decoder(ModelUpdate)


@dataclass(frozen=True)
class Contest:
    """A challenger against the champion of its time."""

    champion: ModelIdentity
    challenger: ModelIdentity
    #: The challenger's.
    bundle: BundleRef
    #: By role epoch, which would-be declines were let through.
    explorations: Mapping[int, Exploration | None]
    #: Event time up to which the ledger is complete, UTC milliseconds.
    complete_ms: int


def contests(engine: Engine) -> list[Contest]:
    """Return a contest for each challenger of the newest roles; none before there are decisions.

    Raises:
        LedgerAwayError: If the database does not answer.
    """
    complete = watermark(engine)
    with reading(engine) as connection:
        found = connection.execute(select(role_changes.c.epoch, role_changes.c.body)).all()
        updates = {epoch: _update.decode(body) for epoch, body in found}
        if not updates or complete is None:
            return []
        newest = updates[max(updates)]
        explorations = {epoch: update.exploration for epoch, update in updates.items()}
        champion = _identity(connection, newest, newest.champion, newest.policy)
        return [
            Contest(
                champion, _identity(connection, newest, each.bundle, each.policy), each.bundle, explorations, complete
            )
            for each in newest.challengers
        ]


def pairs_of(engine: Engine, contest: Contest, *, since: int, until: int, maturity_ms: int) -> Pairs:
    """Return a contest's pairs between two event times, UTC milliseconds, half-open.

    Raises:
        LedgerAwayError: If the database does not answer.
        DataError: If amounts are in several currencies.
    """
    rows = matured(engine, champion=contest.champion, challenger=contest.challenger, since=since, until=until)
    return as_pairs(rows, contest.explorations, watermark_ms=contest.complete_ms, maturity_ms=maturity_ms)


def _identity(connection: Connection, update: ModelUpdate, bundle: BundleRef, policy: Policy | None) -> ModelIdentity:
    """Name a model with its policy; that of its manifest is what its newest rows say."""
    if policy is not None:
        return ModelIdentity(bundle.sha256, policy.version)
    named = [update.policy, *(each.policy for each in update.challengers)]
    given = [each.version for each in named if each is not None]
    for table in (shadow_scores, decisions):
        own = (table.c.bundle_sha256 == bundle.sha256) & table.c.policy_version.not_in(given)
        newest = select(table.c.policy_version).where(own).order_by(table.c.ingested_at_ms.desc()).limit(1)
        if found := connection.execute(newest).scalar():
            return ModelIdentity(bundle.sha256, found)
    return ModelIdentity(bundle.sha256, "")

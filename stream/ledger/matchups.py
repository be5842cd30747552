"""Finds the matchups (champion against challenger) in the current roles, and loads their pairs of verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Engine, select

from schemas.messages import BundleRef, Exploration, ModelUpdate, Policy
from stream.evaluation.cohorts import Pairs
from stream.ledger.database import reading
from stream.ledger.history import ModelIdentity
from stream.ledger.pairs import make_pairs
from stream.ledger.repository import load_matured_decisions, load_watermark
from stream.ledger.tables import decisions, role_changes, shadow_scores

_update = msgspec.json.Decoder(ModelUpdate)


@dataclass(frozen=True)
class Matchup:
    """A challenger and the champion it is compared with.

    Attributes:
        champion: Champion of the newest roles.
        challenger: Challenger of the newest roles.
        bundle: The challenger's bundle.
        explorations: For each role epoch, the settings that determined which would-be declines were let through; None
            for an epoch that let none through.
        complete_ms: Event time up to which the ledger is complete, UTC milliseconds.
    """

    champion: ModelIdentity
    challenger: ModelIdentity
    bundle: BundleRef
    explorations: Mapping[int, Exploration | None]
    complete_ms: int


def find_matchups(engine: Engine) -> list[Matchup]:
    """Return a matchup for each challenger of the newest roles; empty if there are no roles or decisions yet.

    Raises:
        LedgerUnavailableError: If the database is not responding.
    """
    complete_ms = load_watermark(engine)
    with reading(engine) as connection:
        rows = connection.execute(select(role_changes.c.epoch, role_changes.c.body)).all()
        updates = {epoch: _update.decode(body) for epoch, body in rows}
        if not updates or complete_ms is None:
            return []
        newest = updates[max(updates)]
        explorations = {epoch: update.exploration for epoch, update in updates.items()}
        champion = _identity(connection, newest, newest.champion, newest.policy)
        return [
            Matchup(
                champion,
                _identity(connection, newest, each.bundle, each.policy),
                each.bundle,
                explorations,
                complete_ms,
            )
            for each in newest.challengers
        ]


def load_pairs(engine: Engine, matchup: Matchup, *, since: int, until: int, maturity_ms: int) -> Pairs:
    """Return a matchup's pairs of verdicts in a half-open interval of event time.

    Args:
        engine: Ledger database.
        matchup: Champion and challenger whose verdicts are paired.
        since: Start of the interval, UTC milliseconds, included.
        until: End of the interval, UTC milliseconds, excluded.
        maturity_ms: Label delay in milliseconds, after which a transaction without a label counts as legitimate.

    Raises:
        LedgerUnavailableError: If the database is not responding.
        DataError: If the amounts are in several currencies.
    """
    rows = load_matured_decisions(
        engine, champion=matchup.champion, challenger=matchup.challenger, since=since, until=until
    )
    return make_pairs(rows, matchup.explorations, watermark_ms=matchup.complete_ms, maturity_ms=maturity_ms)


def _identity(connection: Connection, update: ModelUpdate, bundle: BundleRef, policy: Policy | None) -> ModelIdentity:
    """Return the identity of a model in a role.

    If the role sets no policy, the manifest's policy applies; its version is read from the bundle's newest rows.
    """
    if policy is not None:
        return ModelIdentity(bundle.sha256, policy.version)
    assigned = [update.policy, *(each.policy for each in update.challengers)]
    versions = [each.version for each in assigned if each is not None]
    for table in (shadow_scores, decisions):
        from_manifest = (table.c.bundle_sha256 == bundle.sha256) & table.c.policy_version.not_in(versions)
        newest = select(table.c.policy_version).where(from_manifest).order_by(table.c.ingested_at_ms.desc()).limit(1)
        if version := connection.execute(newest).scalar():
            return ModelIdentity(bundle.sha256, version)
    return ModelIdentity(bundle.sha256, "")

"""Make MLflow follow Kafka: its history follows the control topic, and its aliases follow the history.

Both steps are idempotent. An assignment on Kafka is identified by its epoch together with its time, because epochs
restart on a new broker.
"""

from collections.abc import Iterator

import msgspec

from schemas.errors import StaleEpochError
from schemas.messages import BundleRef, ModelUpdate, RoleAction
from training.registry.history import HistoryEntry, PromotionHistory, RoleChange
from training.registry.versions import CHALLENGER, CHAMPION, PREVIOUS, STAGING, Registry

#: Number of attempts if other processes write the history at the same time.
_ATTEMPTS = 10


def reconcile(registry: Registry, history: PromotionHistory, updates: list[ModelUpdate]) -> HistoryEntry | None:
    """Copy the assignments that are missing from the history from Kafka, then set the aliases.

    Args:
        registry: Registry of versions and aliases.
        history: History of the changes in MLflow.
        updates: All assignments on Kafka, oldest first.

    Returns:
        The newest change; None before the first change.

    Raises:
        RegistryError: If MLflow is unavailable or rejects the request. The next call completes the copy.
        StaleEpochError: If other processes kept writing at the same time.
    """
    for attempt in range(_ATTEMPTS):
        entries = history.entries()
        try:
            for change in _missing(entries, updates):
                entries.append(history.append(change, after=entries[-1].number if entries else 0))
            break
        except StaleEpochError:  # most likely another process that copies the same assignments
            if attempt == _ATTEMPTS - 1:
                raise
    return _follow_history(registry, history)


def _follow_history(registry: Registry, history: PromotionHistory) -> HistoryEntry | None:
    """Set the aliases according to the newest change and return that change; None before the first change."""
    entries = history.entries()
    while entries:
        _set_aliases(registry, entries[-1].change)
        newest = history.entries()
        if newest[-1].number == entries[-1].number:
            return entries[-1]
        # In the meantime, another process has written the next change and may have set its aliases before we set ours.
        entries = newest
    return None


def _missing(entries: list[HistoryEntry], updates: list[ModelUpdate]) -> Iterator[RoleChange]:
    copied = {_identity(entry.change) for entry in entries}
    first = max((i + 1 for i, update in enumerate(updates) if _identity(update) in copied), default=0)
    champion = entries[-1].change.champion if entries else None
    for update in updates[first:]:
        yield _change(update, champion)
        champion = update.champion
    if updates and first == len(updates) and _identity(entries[-1].change) != _identity(updates[-1]):
        # The newest entry is from another broker, whose roles do not apply here.
        other = entries[-1].change.champion.path
        restored = _change(updates[-1], None)
        reason = f"the roles on this Kafka (epoch {updates[-1].epoch}) apply; {other} was published on another Kafka"
        yield msgspec.structs.replace(restored, action=RoleAction.ROLES, reason=reason, evidence=None)


def _change(update: ModelUpdate, before: BundleRef | None) -> RoleChange:
    # On a new broker, the first assignment has no previous champion, but the history may contain it.
    previous = update.previous or (before if before and before.sha256 != update.champion.sha256 else None)
    return RoleChange(
        update.action,
        update.champion,
        previous,
        update.challengers,
        update.author,
        update.note,
        update.evidence,
        update.written_at_ms,
        update.epoch,
    )


def _identity(change: RoleChange | ModelUpdate) -> tuple[int, int]:
    epoch = change.epoch if isinstance(change, ModelUpdate) else change.role_epoch
    return epoch, change.written_at_ms


def _set_aliases(registry: Registry, change: RoleChange) -> None:
    versions, current = registry.by_bundle(), registry.aliases()
    bundles = {CHAMPION: change.champion, PREVIOUS: change.previous}
    bundles |= {_challenger_alias(i): challenger.bundle for i, challenger in enumerate(change.challengers, start=1)}
    wanted = {alias: versions[ref.sha256].number for alias, ref in bundles.items() if ref and ref.sha256 in versions}
    if current.get(STAGING) not in {None, wanted.get(CHAMPION)}:
        wanted[STAGING] = current[STAGING]
    for alias, number in wanted.items():
        if current.get(alias) != number:
            registry.set_alias(alias, number)
    for alias in current.keys() - wanted.keys():
        # Aliases set by other people are kept. A bundle that MLflow does not know gets no alias.
        if alias in {STAGING, CHAMPION, PREVIOUS} or alias.startswith(CHALLENGER):
            registry.drop_alias(alias)


def _challenger_alias(position: int) -> str:
    return CHALLENGER if position == 1 else f"{CHALLENGER}-{position}"

"""MLflow made to say what is true: its history follows Kafka's control topic, its aliases follow the history.

Both can be done again and again and change nothing the second time. An assignment on Kafka is known by its epoch
together with its time: epochs alone begin anew on a new broker.
"""

from collections.abc import Iterator

from schemas.errors import StaleEpochError
from schemas.messages import BundleRef, ModelUpdate, RoleAction
from training.registry.history import Change, Entry, History
from training.registry.versions import CHALLENGER, CHAMPION, PREVIOUS, STAGING, Registry

#: Others who write the history at the same time; more than this often in a row is no coincidence.
_TRIES = 10


def reconcile(registry: Registry, history: History, updates: list[ModelUpdate]) -> Entry | None:
    """Write into the history what Kafka knows and it does not, then settle the aliases.

    Args:
        registry: Versions and aliases.
        history: The changes that count.
        updates: Every assignment on Kafka, oldest first.

    Returns:
        The newest change; None before the first.

    Raises:
        RegistryError: If MLflow is away or refuses. What is missing then is written the next time.
        StaleEpochError: If others kept writing meanwhile.
    """
    for attempt in range(_TRIES):
        entries = history.entries()
        try:
            for change in _missing(entries, updates):
                entries.append(history.append(change, after=entries[-1].number if entries else 0))
            break
        except StaleEpochError:  # most likely somebody who reconciles the same
            if attempt == _TRIES - 1:
                raise
    return settle(registry, history)


def settle(registry: Registry, history: History) -> Entry | None:
    """Set the aliases as the newest change says, and return it; None before the first.

    Raises:
        RegistryError: If MLflow is away or refuses.
    """
    entries = history.entries()
    while entries:
        _set_aliases(registry, entries[-1].change)
        newest = history.entries()
        if newest[-1].number == entries[-1].number:
            return entries[-1]
        # Somebody wrote the next one meanwhile, and may have set their aliases before we set ours.
        entries = newest
    return None


def _missing(entries: list[Entry], updates: list[ModelUpdate]) -> Iterator[Change]:
    known = {_identity(entry.change) for entry in entries}
    first = max((i + 1 for i, update in enumerate(updates) if _identity(update) in known), default=0)
    champion = entries[-1].change.champion if entries else None
    for update in updates[first:]:
        yield _change(update, champion)
        champion = update.champion
    if updates and first == len(updates) and _identity(entries[-1].change) != _identity(updates[-1]):
        overruled = entries[-1].change
        why = f"Kafka's roles {updates[-1].epoch} hold; {overruled.champion.path} was never published there"
        yield Change(
            RoleAction.ROLES,
            updates[-1].champion,
            updates[-1].previous,
            updates[-1].challengers,
            updates[-1].author,
            why,
            None,
            updates[-1].written_at_ms,
            updates[-1].epoch,
        )


def _change(update: ModelUpdate, before: BundleRef | None) -> Change:
    # On a new broker the first assignment has no previous one, but the history may know it.
    previous = update.previous or (before if before and before.sha256 != update.champion.sha256 else None)
    return Change(
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


def _identity(of: Change | ModelUpdate) -> tuple[int, int] | None:
    epoch = of.epoch if isinstance(of, ModelUpdate) else of.role_epoch
    return None if epoch is None else (epoch, of.written_at_ms)


def _set_aliases(registry: Registry, change: Change) -> None:
    versions, current = registry.by_bundle(), registry.aliases()
    bundles = {CHAMPION: change.champion, PREVIOUS: change.previous}
    bundles |= {_challenger(i): challenger.bundle for i, challenger in enumerate(change.challengers, start=1)}
    wanted = {alias: versions[ref.sha256].number for alias, ref in bundles.items() if ref and ref.sha256 in versions}
    if current.get(STAGING) not in {None, wanted.get(CHAMPION)}:
        wanted[STAGING] = current[STAGING]
    for alias, number in wanted.items():
        if current.get(alias) != number:
            registry.set_alias(alias, number)
    for alias in current.keys() - wanted.keys():
        # Other people's aliases stay; a bundle that MLflow does not know has none of ours.
        if alias in {STAGING, CHAMPION, PREVIOUS} or alias.startswith(CHALLENGER):
            registry.drop_alias(alias)


def _challenger(count: int) -> str:
    return CHALLENGER if count == 1 else f"{CHALLENGER}-{count}"

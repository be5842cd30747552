"""Changes to an assignment of roles, one thing at a time, as functions of the assignment before."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from schemas.errors import RolesError
from schemas.messages import BundleRef, Challenger, Exploration, ModelUpdate, Policy

Change = Callable[[ModelUpdate], ModelUpdate]
#: As `change_roles` takes it: there may be no assignment yet.
FirstChange = Callable[[ModelUpdate | None], ModelUpdate]


def reassign(changes: Sequence[Change], champion: BundleRef | None = None) -> FirstChange:
    """Return one change for `change_roles`, made of several in order.

    Args:
        changes: Each raises RolesError where it makes no sense.
        champion: Takes over, with its own policy, and stops watching; None: the champion stays.

    Returns:
        The change; it raises RolesError where there is no champion yet and none is given.
    """

    def change(last: ModelUpdate | None) -> ModelUpdate:
        update = _appoint(champion, last)
        for each in changes:
            update = each(update)
        return update

    return change


def challenge(challenger: Challenger) -> Change:
    """Let a bundle with a policy watch or decide for its share; what it did before it does no more."""

    def change(last: ModelUpdate) -> ModelUpdate:
        others = tuple(each for each in last.challengers if _name(each) != _name(challenger))
        try:
            return replace(last, challengers=(*others, challenger))
        except ValueError as error:
            raise RolesError(f"{error}; lower one, or dismiss a challenger first") from error

    return change


def dismiss(path: str) -> Change:
    """Let a bundle's challengers go, whatever their policies."""

    def change(last: ModelUpdate) -> ModelUpdate:
        stay = tuple(each for each in last.challengers if each.bundle.path != path)
        if len(stay) == len(last.challengers):
            watching = ", ".join(each.bundle.path for each in last.challengers) or "nobody does"
            raise RolesError(f"{path} is no challenger; these are: {watching}")
        return replace(last, challengers=stay)

    return change


def govern(policy: Policy | None) -> Change:
    """Let the champion decide by another policy; None: by its manifest's."""
    return lambda last: replace(last, policy=policy)


def explore(exploration: Exploration | None) -> Change:
    """Let some would-be declines through, or none."""
    return lambda last: replace(last, exploration=exploration)


def shuffle(salt: str) -> Change:
    """Draw cards and explored transactions anew."""
    return lambda last: replace(last, salt=salt)


def restore(last: ModelUpdate | None) -> ModelUpdate:
    """Let the previous champion decide again by the policy it decided with; the fallen one is no challenger.

    Raises:
        RolesError: If there is no previous champion.
    """
    if last is None or last.previous is None:
        raise RolesError("there is no previous champion; name one: fraud-stream models set --champion PATH")
    gone = {last.champion.sha256, last.previous.sha256}
    others = tuple(each for each in last.challengers if each.bundle.sha256 not in gone)
    return replace(last, champion=last.previous, policy=last.previous_policy, challengers=others)


def _appoint(champion: BundleRef | None, last: ModelUpdate | None) -> ModelUpdate:
    if champion is None:
        if last is None:
            raise RolesError("there is no champion yet; name one: fraud-stream models set --champion PATH")
        return last
    if last is None:
        return ModelUpdate(1, champion, 0, "")
    if last.champion.sha256 == champion.sha256:
        raise RolesError(f"{champion.path} is champion already; look with: fraud-stream models")
    others = tuple(each for each in last.challengers if each.bundle.sha256 != champion.sha256)
    return replace(last, champion=champion, challengers=others, policy=None)


def _name(challenger: Challenger) -> tuple[str, str | None]:
    return challenger.bundle.sha256, challenger.policy.version if challenger.policy else None

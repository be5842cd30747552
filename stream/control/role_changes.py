"""Changes to an assignment of roles, as functions from the current assignment to the next one."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from schemas.errors import RolesError
from schemas.messages import BundleRef, Challenger, Exploration, ModelUpdate, Policy, RoleAction

AssignmentChange = Callable[[ModelUpdate], ModelUpdate]
#: A change that also accepts None, which means "no assignment yet". `change_roles` takes changes of this type.
FirstAssignmentChange = Callable[[ModelUpdate | None], ModelUpdate]


def combine_changes(changes: Sequence[AssignmentChange], champion: BundleRef | None = None) -> FirstAssignmentChange:
    """Combine several changes, made in order, into one change for `change_roles`.

    Args:
        changes: Changes to make; each raises RolesError if it does not apply.
        champion: New champion, which decides by its own policy and stops being a challenger; None to keep the champion.

    Returns:
        The combined change, which raises RolesError if there is no champion yet and `champion` is None.
    """

    def change(last: ModelUpdate | None) -> ModelUpdate:
        update = _set_champion(champion, last)
        for each in changes:
            update = each(update)
        return update

    return change


def add_challenger(challenger: Challenger) -> AssignmentChange:
    """Return a change that adds a challenger, or replaces the challenger with the same bundle and policy."""

    def change(last: ModelUpdate) -> ModelUpdate:
        others = tuple(each for each in last.challengers if _identity(each) != _identity(challenger))
        try:
            return replace(last, challengers=(*others, challenger))
        except ValueError as error:
            raise RolesError(f"{error}; lower a share, or remove a challenger first") from error

    return change


def remove_challenger(path: str) -> AssignmentChange:
    """Return a change that removes every challenger with this bundle path, whatever its policy."""

    def change(last: ModelUpdate) -> ModelUpdate:
        remaining = tuple(each for each in last.challengers if each.bundle.path != path)
        if len(remaining) == len(last.challengers):
            challengers = ", ".join(each.bundle.path for each in last.challengers) or "none"
            raise RolesError(f"{path} is not a challenger; current challengers: {challengers}")
        return replace(last, challengers=remaining)

    return change


def set_policy(policy: Policy | None) -> AssignmentChange:
    """Return a change that sets the champion's policy; None for the policy in its manifest."""
    return lambda last: replace(last, policy=policy)


def set_exploration(exploration: Exploration | None) -> AssignmentChange:
    """Return a change that lets some would-be declines through; None to let none through."""
    return lambda last: replace(last, exploration=exploration)


def set_salt(salt: str) -> AssignmentChange:
    """Return a change of the salt, which determines the cards of a split and the explored transactions."""
    return lambda last: replace(last, salt=salt)


def restore_previous(last: ModelUpdate | None) -> ModelUpdate:
    """Restore the previous champion with the policy it decided by; the current champion gets no role.

    Raises:
        RolesError: If there is no previous champion.
    """
    if last is None or last.previous is None:
        raise RolesError(
            "there is no previous champion; name a champion: fraud-stream models set --champion PATH --reason REASON"
        )
    gone = {last.champion.sha256, last.previous.sha256}
    others = tuple(each for each in last.challengers if each.bundle.sha256 not in gone)
    return replace(last, champion=last.previous, policy=last.previous_policy, challengers=others)


def action_of(update: ModelUpdate, last: ModelUpdate | None) -> RoleAction:
    """Return the kind of change from the last assignment (None if there was none) to this update."""
    if last is None:
        return RoleAction.PROMOTE
    promoted = last.champion.sha256 != update.champion.sha256
    # A promotion resets the policy, and the new champion stops being a challenger: neither counts as a separate change.
    before = [each for each in last.challengers if not promoted or each.bundle.sha256 != update.champion.sha256]
    gone = {_identity(each) for each in before} - {_identity(each) for each in update.challengers}
    changed = {
        RoleAction.PROMOTE: promoted,
        RoleAction.POLICY: not promoted and last.policy != update.policy,
        RoleAction.CHALLENGE: any(each not in before for each in update.challengers),
        RoleAction.DISMISS: bool(gone),
        RoleAction.EXPLORATION: last.exploration != update.exploration,
        RoleAction.SALT: last.salt != update.salt,
    }
    actions = [action for action, happened in changed.items() if happened]
    return actions[0] if len(actions) == 1 else RoleAction.ROLES


def _set_champion(champion: BundleRef | None, last: ModelUpdate | None) -> ModelUpdate:
    if champion is None:
        if last is None:
            raise RolesError(
                "there is no champion yet; name a champion: fraud-stream models set --champion PATH --reason REASON"
            )
        return last
    if last is None:
        return ModelUpdate(1, champion, 0, "")
    if last.champion.sha256 == champion.sha256:
        raise RolesError(f"{champion.path} is already the champion; check with: fraud-stream models")
    others = tuple(each for each in last.challengers if each.bundle.sha256 != champion.sha256)
    return replace(last, champion=champion, challengers=others, policy=None)


def _identity(challenger: Challenger) -> tuple[str, str | None]:
    return challenger.bundle.sha256, challenger.policy.version if challenger.policy else None

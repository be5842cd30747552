"""Changes to an assignment of roles, and the actions that the audit records for them."""

import pytest

from schemas.errors import RolesError
from schemas.messages import BundleRef, Challenger, Exploration, ModelUpdate, Policy, RoleAction
from stream.control.role_changes import (
    AssignmentChange,
    action_of,
    add_challenger,
    combine_changes,
    remove_challenger,
    set_exploration,
    set_policy,
    set_salt,
)
from tests.evaluation.role_messages import ref, update

OLD, NEW = ref("2"), ref("3")
SHADOW = Challenger(NEW)
LAST = update(3, "1", challengers=(Challenger(OLD),))


@pytest.mark.parametrize(
    ("changes", "champion", "action"),
    [
        ([], OLD, RoleAction.PROMOTE),
        ([], NEW, RoleAction.PROMOTE),
        ([add_challenger(SHADOW)], None, RoleAction.CHALLENGE),
        ([add_challenger(Challenger(OLD, "split", 0.5))], None, RoleAction.CHALLENGE),
        ([add_challenger(Challenger(LAST.champion, policy=Policy("lax", 0.5, 0.75)))], None, RoleAction.CHALLENGE),
        ([remove_challenger(OLD.path)], None, RoleAction.DISMISS),
        ([set_policy(Policy("strict", 0.125, 0.25))], None, RoleAction.POLICY),
        ([set_exploration(Exploration(0.125, 5000))], None, RoleAction.EXPLORATION),
        ([set_salt("spring")], None, RoleAction.SALT),
        ([set_salt("spring"), add_challenger(SHADOW)], None, RoleAction.ROLES),
        ([remove_challenger(OLD.path), add_challenger(SHADOW)], None, RoleAction.ROLES),
        ([add_challenger(SHADOW)], OLD, RoleAction.ROLES),
        ([set_policy(None)], None, RoleAction.ROLES),
    ],
)
def test_the_action_follows_from_what_has_changed(
    changes: list[AssignmentChange], champion: BundleRef | None, action: RoleAction
) -> None:
    """Each kind of change has its own action; several changes at once, or no change, have the action `roles`."""
    assert action_of(combine_changes(changes, champion)(LAST), LAST) is action


def test_a_promotion_resets_policy_and_challenger_without_being_several_changes() -> None:
    """The reset of the policy and the removal of the challenger follow from the promotion, which is the only action."""
    last = update(3, "1", challengers=(Challenger(OLD),), policy=Policy("strict", 0.125, 0.25))
    promoted = combine_changes([], OLD)(last)
    assert (promoted.challengers, promoted.policy) == ((), None)
    assert action_of(promoted, last) is RoleAction.PROMOTE


def test_the_first_assignment_promotes() -> None:
    """The first assignment, which has no earlier assignment to compare with, counts as a promotion."""
    assert action_of(combine_changes([], OLD)(None), None) is RoleAction.PROMOTE
    with pytest.raises(RolesError, match="there is no champion yet"):
        combine_changes([])(None)


def test_changes_that_do_not_apply_are_refused() -> None:
    """A change that does not fit the current roles raises an error that says why or what to do."""
    with pytest.raises(RolesError, match="is not a challenger; current challengers: "):
        remove_challenger(NEW.path)(LAST)
    with pytest.raises(RolesError, match="is already the champion"):
        combine_changes([], LAST.champion)(LAST)
    half: ModelUpdate = add_challenger(Challenger(OLD, "split", 0.5))(LAST)
    with pytest.raises(RolesError, match="lower a share"):
        add_challenger(Challenger(NEW, "split", 0.5))(half)

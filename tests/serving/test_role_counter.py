"""A worker's sums on their way to role-counts."""

import pytest

from schemas.messages import RoleCounts
from stream.scoring.model import Roles
from stream.serving.role_counter import RoleCounter
from tests.scoring.fake_model import (
    SCORING_TIME,
    assign_roles,
    fake_model,
    features,
    raw_batch,
    scorer_for,
    transaction,
)

VALUES = [transaction(features(2), 0), transaction(features(-2), 1), transaction(features(0.5), 2)]


def roles(epoch: int) -> Roles:
    """A champion and a challenger."""
    champion, challengers = assign_roles(fake_model(), fake_model(version="2"))
    return Roles(epoch, champion, challengers)


def count(counter: RoleCounter, playing: Roles, *scoring_s: float) -> None:
    """Score a batch in parts that took so long, and count it."""
    counter.add(scorer_for(playing).score(raw_batch(VALUES), SCORING_TIME).score_counts, scoring_s)


def only(counter: RoleCounter) -> RoleCounts:
    """Take the one message there is."""
    (message,) = counter.take()
    return message


def test_batches_add_up_to_one_message() -> None:
    """Who said what, and how long the parts took: at an edge the lower bin counts."""
    counter, playing = RoleCounter("a"), roles(3)
    count(counter, playing, 0.0005, 0.001)
    count(counter, playing, 0.0011, 1.0, 5.0)
    message = only(counter)
    assert (message.slot, message.sequence, message.role_epoch) == ("a", 1, 3)
    assert message.latencies == (2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1)
    champion, challenger = message.players
    assert (champion.version, champion.decides, challenger.version, challenger.decides) == ("1", True, "2", False)
    assert (champion.transactions, champion.reviews, champion.declines, champion.problems) == (6, 2, 2, 0)
    assert sum(champion.scores) == 6


def test_nothing_is_told_twice() -> None:
    """A sum is taken once; the next message has the next sequence, of the same instance."""
    counter, playing = RoleCounter("a"), roles(3)
    count(counter, playing)
    first = only(counter)
    assert counter.take() == []
    count(counter, playing)
    second = only(counter)
    assert (second.sequence, second.instance) == (2, first.instance)
    assert second.players == first.players


def test_each_set_of_roles_is_told_apart() -> None:
    """Also two of the same epoch: a fallen champion's stand-in decides under its assignment."""
    counter = RoleCounter("a")
    fallen, stand_by = roles(3), Roles(3, assign_roles(fake_model(version="9"))[0])
    for playing in (fallen, stand_by, roles(4)):
        count(counter, playing)
    found = [(message.role_epoch, message.players[0].version) for message in counter.take()]
    assert found == [(3, "1"), (3, "9"), (4, "1")]


def test_an_empty_batch_is_none() -> None:
    """It has no roles to count for."""
    counter = RoleCounter("a")
    counter.add(None, [])
    assert counter.take() == []


@pytest.mark.parametrize("slot", ["a", "b"])
def test_instances_differ(slot: str) -> None:
    """A restarted worker begins again at 1 and is another one."""
    one, other = RoleCounter(slot), RoleCounter(slot)
    for counter in (one, other):
        count(counter, roles(1))
    assert only(one).instance != only(other).instance

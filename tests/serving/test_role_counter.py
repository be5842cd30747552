"""The counts that a worker publishes on `role-counts`."""

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
    """Return a champion and a challenger."""
    champion, challengers = assign_roles(fake_model(), fake_model(version="2"))
    return Roles(epoch, champion, challengers)


def count(counter: RoleCounter, in_role: Roles, *scoring_s: float) -> None:
    """Score a batch and count it, with the given scoring times for its parts."""
    counter.add(scorer_for(in_role).score(raw_batch(VALUES), SCORING_TIME).score_counts, scoring_s)


def take_one(counter: RoleCounter) -> RoleCounts:
    """Take the counter's only message."""
    (message,) = counter.take()
    return message


def test_batches_add_up_to_one_message() -> None:
    """The message contains each model's verdicts and a latency histogram; a latency on an edge is in the lower bin."""
    counter, in_role = RoleCounter("a"), roles(3)
    count(counter, in_role, 0.0005, 0.001)
    count(counter, in_role, 0.0011, 1.0, 5.0)
    message = take_one(counter)
    assert (message.slot, message.sequence, message.role_epoch) == ("a", 1, 3)
    assert message.latencies == (2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1)
    champion, challenger = message.players
    assert (champion.version, champion.decides, challenger.version, challenger.decides) == ("1", True, "2", False)
    assert (champion.transactions, champion.reviews, champion.declines, champion.problems) == (6, 2, 2, 0)
    assert sum(champion.scores) == 6


def test_counts_are_taken_once() -> None:
    """Counts are taken only once; the next message has the same instance and the next sequence number."""
    counter, in_role = RoleCounter("a"), roles(3)
    count(counter, in_role)
    first = take_one(counter)
    assert counter.take() == []
    count(counter, in_role)
    second = take_one(counter)
    assert (second.sequence, second.instance) == (2, first.instance)
    assert second.players == first.players


def test_each_set_of_roles_is_counted_separately() -> None:
    """Two sets of roles in the same epoch, as after a fallback to another champion, are counted separately."""
    counter = RoleCounter("a")
    before, fallback = roles(3), Roles(3, assign_roles(fake_model(version="9"))[0])
    for in_role in (before, fallback, roles(4)):
        count(counter, in_role)
    taken = [(message.role_epoch, message.players[0].version) for message in counter.take()]
    assert taken == [(3, "1"), (3, "9"), (4, "1")]


def test_an_empty_batch_makes_no_message() -> None:
    """No message is written for an empty batch."""
    counter = RoleCounter("a")
    counter.add(None, [])
    assert counter.take() == []


@pytest.mark.parametrize("slot", ["a", "b"])
def test_instances_differ(slot: str) -> None:
    """A restarted worker is a new instance, whose sequence starts at 1."""
    one, other = RoleCounter(slot), RoleCounter(slot)
    for counter in (one, other):
        count(counter, roles(1))
    assert take_one(one).instance != take_one(other).instance

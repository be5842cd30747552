"""Who is watched, by whose bounds, and what is to be done about a breach."""

import itertools

from msgspec.structs import replace

from schemas.messages import Challenger, ModelUpdate, ModelCounts, Policy
from stream.evaluation.promotion_monitor import AUTHOR, PromotionMonitor
from stream.evaluation.rollback_rule import RollbackLimits
from tests.evaluation.role_messages import counts, player, ref, update

LIMITS = RollbackLimits(1000, 8, 64, 0.001, 3.0, 64)
FIRST = update(1, "1", challengers=(Challenger(ref("2")),))
PROMOTED = update(2, "2", "1")
RESTORED = update(3, "1", "2", author=AUTHOR)
#: Alerts on everything.
WILD = {"reviews": 1000}


class Stream:
    """A watch, and a worker that counts for it a block at a time."""

    def __init__(self, *updates: ModelUpdate) -> None:
        self.watch = PromotionMonitor(LIMITS)
        self.watch.set_assignments(updates)
        self._sequence = itertools.count(1)

    def count(self, epoch: int, blocks: int, *players: ModelCounts) -> "Stream":
        """Count so many blocks under an epoch."""
        for _ in range(blocks):
            self.watch.add(counts(*players, role_epoch=epoch, sequence=next(self._sequence)))
        return self


def shadowed(*updates: ModelUpdate, blocks: int = 12) -> Stream:
    """Return a stream whose second model watched for some blocks while the first decided."""
    return Stream(*updates).count(1, blocks, player("1"), player("2", decides=False))


def test_a_first_champion_is_not_watched() -> None:
    """There is nobody to bring back."""
    stream = shadowed(FIRST).count(1, 5, player("1", **WILD))
    assert stream.watch.verdict() is None
    assert (stream.watch.description, stream.watch.progress, stream.watch.readings()) == ("", (0, 0), {})


def test_a_promotion_is_judged_by_its_own_shadow_period() -> None:
    """What stays as it was stays; what alerts on everything is to be taken back."""
    stream = shadowed(FIRST, PROMOTED).count(2, 5, player("2"))
    assert stream.watch.verdict() is None
    assert "is monitored: bounds from its own 12 earlier blocks" in stream.watch.description
    assert stream.watch.progress == (2, 5)
    assert stream.watch.readings()["alert_rate_high"][0] == 0.1
    verdict = stream.count(2, 1, player("2", **WILD)).watch.verdict()
    assert verdict is not None
    assert (verdict.breach.blocks, verdict.since, verdict.may_restore) == (6, 2, True)


def test_counts_of_two_workers_are_merged() -> None:
    """Half a block each makes a block."""
    stream = shadowed(FIRST, PROMOTED)
    half = player("2", transactions=500, reviews=500)
    for instance in ("a", "b"):
        assert stream.watch.verdict() is None
        stream.watch.add(counts(half, role_epoch=2, instance=instance))
    assert stream.watch.verdict() is not None


def test_a_repeated_message_counts_once() -> None:
    """Its sequence has been seen of its instance."""
    stream = shadowed(FIRST, PROMOTED)
    for _ in range(2):
        stream.watch.add(counts(player("2", transactions=500, **WILD), role_epoch=2, sequence=1, instance="a"))
    assert stream.watch.progress == (0, 0)


def test_without_a_shadow_period_the_previous_champion_s_bounds_hold() -> None:
    """And it is said."""
    stream = shadowed(FIRST, PROMOTED, blocks=7).count(1, 5, player("1")).count(2, 1, player("2", **WILD))
    verdict = stream.watch.verdict()
    assert verdict is not None
    assert verdict.bounds == (
        "bounds from 12 blocks of the previous champion, because it has only 7 earlier blocks and needs 8"
    )


def test_without_any_period_nobody_is_judged() -> None:
    """And that is said as well."""
    stream = shadowed(FIRST, PROMOTED, blocks=7).count(2, 5, player("2", **WILD))
    assert stream.watch.verdict() is None
    assert stream.watch.description.endswith(
        "is not monitored: it has only 7 earlier blocks and needs 8, and the previous champion has 7"
    )


def test_other_players_do_not_count() -> None:
    """Nor a challenger gone wild, nor a fallen champion's stand-in, nor what still comes of an older epoch."""
    wild = player("3", decides=False, **WILD)
    stream = shadowed(FIRST, PROMOTED).count(2, 3, player("2"), wild)
    stream.count(2, 3, player("1", **WILD)).count(1, 3, player("1"), player("2", decides=False, **WILD))
    assert stream.watch.verdict() is None
    assert stream.watch.progress == (2, 3)


def test_an_unknown_epoch_counts_nothing() -> None:
    """Before the first assignment there is nobody to count for."""
    watch = PromotionMonitor(LIMITS)
    watch.add(counts(player()))
    assert watch.verdict() is None
    assert watch.roles is None


def test_a_change_that_leaves_the_champion_goes_on_with_the_watch() -> None:
    """A new challenger makes a new epoch and no new promotion."""
    further = replace(PROMOTED, epoch=3, challengers=(Challenger(ref("3")),))
    stream = shadowed(FIRST, PROMOTED, further).count(2, 5, player("2")).count(3, 2, player("2"))
    assert stream.watch.progress == (2, 7)


def test_a_new_policy_ends_the_watch() -> None:
    """More alerts are what it was set for, and the previous champion would be no remedy."""
    stricter = replace(PROMOTED, epoch=3, policy=Policy("strict", 0.0, 0.0))
    stream = shadowed(FIRST, PROMOTED, stricter).count(3, 5, player("2", policy_version="strict", **WILD))
    assert stream.watch.verdict() is None


def test_a_shadow_period_under_another_policy_is_no_measure() -> None:
    """Its alerts were another policy's."""
    stream = Stream(FIRST, PROMOTED).count(1, 12, player("1"), player("2", policy_version="lax", decides=False))
    assert "of the previous champion" in stream.count(2, 1, player("2")).watch.description


def test_the_restored_champion_is_judged_by_its_own_past() -> None:
    """If it has changed as well, people are to be called: the one taken away does not come back."""
    stream = shadowed(FIRST, PROMOTED, RESTORED).count(2, 2, player("2", **WILD)).count(3, 5, player("1"))
    assert "bounds from its own 12 earlier blocks" in stream.watch.description
    assert stream.watch.verdict() is None
    verdict = stream.count(3, 1, player("1", **WILD)).watch.verdict()
    assert verdict is not None
    assert not verdict.may_restore


def test_after_a_rollback_the_next_promotion_may_be_taken_back() -> None:
    """Only the one taken away is barred, for good."""
    third, second = update(4, "3", "1"), update(5, "2", "3")
    stream = shadowed(FIRST, PROMOTED, RESTORED, third).count(3, 2, player("1")).count(4, 1, player("3", **WILD))
    verdict = stream.watch.verdict()
    assert verdict is not None
    assert verdict.may_restore
    stream.watch.set_assignments([FIRST, PROMOTED, RESTORED, third, second, update(6, "3", "2")])
    verdict = stream.count(5, 2, player("2")).count(6, 1, player("3", **WILD)).watch.verdict()
    assert verdict is not None
    assert not verdict.may_restore


def test_what_was_taken_back_for_is_no_measure() -> None:
    """The one taken away, promoted again, is judged by its shadow period and not by its fall."""
    again = update(4, "2", "1")
    stream = shadowed(FIRST, PROMOTED, RESTORED, again).count(2, 5, player("2", **WILD)).count(4, 1, player("2"))
    assert "bounds from its own 12 earlier blocks" in stream.watch.description
    verdict = stream.count(4, 1, player("2", **WILD)).watch.verdict()
    assert verdict is not None
    assert verdict.may_restore


def test_whoever_reads_all_again_comes_to_the_same_verdict() -> None:
    """All assignments known from the start, or each as it comes."""
    whole = shadowed(FIRST, PROMOTED).count(2, 3, player("2", **WILD)).watch.verdict()
    stream = shadowed(FIRST)
    stream.watch.set_assignments([FIRST, PROMOTED])
    assert stream.count(2, 3, player("2", **WILD)).watch.verdict() == whole

"""The promotion monitor: which promotions it monitors, which bounds apply, and the verdict on a breach."""

import itertools

from msgspec.structs import replace

from schemas.messages import Challenger, ModelCounts, ModelUpdate, Policy
from stream.evaluation.promotion_monitor import AUTHOR, PromotionMonitor
from stream.evaluation.rollback_rule import RollbackLimits
from tests.evaluation.role_messages import model_counts, ref, role_counts, update

LIMITS = RollbackLimits(1000, 8, 64, 0.001, 3.0, 64)
FIRST = update(1, "1", challengers=(Challenger(ref("2")),))
PROMOTED = update(2, "2", "1")
RESTORED = update(3, "1", "2", author=AUTHOR)
#: Fields of a model that alerts on everything.
BROKEN = {"reviews": 1000}


class MonitoredStream:
    """A promotion monitor, and a worker that publishes counts for it, a block at a time."""

    def __init__(self, *updates: ModelUpdate) -> None:
        self.monitor = PromotionMonitor(LIMITS)
        self.monitor.set_assignments(updates)
        self._sequence = itertools.count(1)

    def count(self, epoch: int, blocks: int, *models: ModelCounts) -> "MonitoredStream":
        """Add the counts of a number of blocks under an epoch."""
        for _ in range(blocks):
            self.monitor.add(role_counts(*models, role_epoch=epoch, sequence=next(self._sequence)))
        return self


def shadowed(*updates: ModelUpdate, blocks: int = 12) -> MonitoredStream:
    """Return a stream whose second model was in shadow mode for some blocks while the first decided."""
    return MonitoredStream(*updates).count(1, blocks, model_counts("1"), model_counts("2", decides=False))


def test_a_first_champion_is_not_monitored() -> None:
    """A first champion is not monitored, because there is no previous champion to restore."""
    stream = shadowed(FIRST).count(1, 5, model_counts("1", **BROKEN))
    assert stream.monitor.verdict() is None
    assert (stream.monitor.description, stream.monitor.progress, stream.monitor.readings()) == ("", (0, 0), {})


def test_a_promotion_is_compared_with_its_own_shadow_period() -> None:
    """A model that behaves as in shadow mode stays; one that alerts on everything is to be rolled back."""
    stream = shadowed(FIRST, PROMOTED).count(2, 5, model_counts("2"))
    assert stream.monitor.verdict() is None
    assert "is monitored: bounds from the champion's own 12 earlier blocks" in stream.monitor.description
    assert stream.monitor.progress == (2, 5)
    assert stream.monitor.readings()["alert_rate_high"][0] == 0.1
    verdict = stream.count(2, 1, model_counts("2", **BROKEN)).monitor.verdict()
    assert verdict is not None
    assert (verdict.breach.blocks, verdict.since, verdict.may_restore) == (6, 2, True)


def test_counts_of_two_workers_are_merged() -> None:
    """Two workers with half a block each make a block."""
    stream = shadowed(FIRST, PROMOTED)
    half = model_counts("2", transactions=500, reviews=500)
    for instance in ("a", "b"):
        assert stream.monitor.verdict() is None
        stream.monitor.add(role_counts(half, role_epoch=2, instance=instance))
    assert stream.monitor.verdict() is not None


def test_a_repeated_message_counts_once() -> None:
    """A repeated message, recognised by its instance and sequence number, counts once."""
    stream = shadowed(FIRST, PROMOTED)
    for _ in range(2):
        stream.monitor.add(
            role_counts(model_counts("2", transactions=500, **BROKEN), role_epoch=2, sequence=1, instance="a")
        )
    assert stream.monitor.progress == (0, 0)


def test_without_a_shadow_period_the_previous_champion_s_bounds_apply() -> None:
    """Without a shadow period, the previous champion's bounds apply, and the verdict says so."""
    stream = shadowed(FIRST, PROMOTED, blocks=7).count(1, 5, model_counts("1")).count(2, 1, model_counts("2", **BROKEN))
    verdict = stream.monitor.verdict()
    assert verdict is not None
    assert verdict.bounds == (
        "bounds from 12 blocks of the previous champion, because the champion has only 7 earlier blocks and needs 8"
    )


def test_without_any_reference_nothing_is_monitored() -> None:
    """Without any reference, nothing is monitored, and the description says so."""
    stream = shadowed(FIRST, PROMOTED, blocks=7).count(2, 5, model_counts("2", **BROKEN))
    assert stream.monitor.verdict() is None
    assert stream.monitor.description.endswith(
        "is not monitored: the champion has only 7 earlier blocks and needs 8, and the previous champion has 7"
    )


def test_other_models_do_not_count() -> None:
    """Counts of challengers, of another deciding model, and of an older epoch are ignored."""
    challenger = model_counts("3", decides=False, **BROKEN)
    stream = shadowed(FIRST, PROMOTED).count(2, 3, model_counts("2"), challenger)
    stream.count(2, 3, model_counts("1", **BROKEN)).count(
        1, 3, model_counts("1"), model_counts("2", decides=False, **BROKEN)
    )
    assert stream.monitor.verdict() is None
    assert stream.monitor.progress == (2, 3)


def test_counts_before_the_first_assignment_are_ignored() -> None:
    """Counts before the first assignment belong to no term and are ignored."""
    monitor = PromotionMonitor(LIMITS)
    monitor.add(role_counts(model_counts()))
    assert monitor.verdict() is None
    assert monitor.roles is None


def test_a_change_without_a_new_champion_continues_the_term() -> None:
    """A new challenger starts a new epoch but no new term, so monitoring continues."""
    further = replace(PROMOTED, epoch=3, challengers=(Challenger(ref("3")),))
    stream = shadowed(FIRST, PROMOTED, further).count(2, 5, model_counts("2")).count(3, 2, model_counts("2"))
    assert stream.monitor.progress == (2, 7)


def test_a_new_policy_ends_the_monitoring() -> None:
    """A new policy ends the monitoring, because the change in alert rate is then intended."""
    stricter = replace(PROMOTED, epoch=3, policy=Policy("strict", 0.0, 0.0))
    stream = shadowed(FIRST, PROMOTED, stricter).count(3, 5, model_counts("2", policy_version="strict", **BROKEN))
    assert stream.monitor.verdict() is None


def test_a_shadow_period_under_another_policy_is_no_reference() -> None:
    """A shadow period under another policy is no reference, because its alerts followed that policy."""
    stream = MonitoredStream(FIRST, PROMOTED).count(
        1, 12, model_counts("1"), model_counts("2", policy_version="lax", decides=False)
    )
    assert "of the previous champion" in stream.count(2, 1, model_counts("2")).monitor.description


def test_a_restored_champion_is_compared_with_its_own_past() -> None:
    """If the restored champion breaches too, a person must be paged: the model that was rolled back is not restored."""
    stream = shadowed(FIRST, PROMOTED, RESTORED).count(2, 2, model_counts("2", **BROKEN)).count(3, 5, model_counts("1"))
    assert "bounds from the champion's own 12 earlier blocks" in stream.monitor.description
    assert stream.monitor.verdict() is None
    verdict = stream.count(3, 1, model_counts("1", **BROKEN)).monitor.verdict()
    assert verdict is not None
    assert not verdict.may_restore


def test_after_a_rollback_the_next_promotion_may_be_rolled_back() -> None:
    """A promotion after a rollback may be rolled back too, but not to the model that was rolled back before."""
    third, second = update(4, "3", "1"), update(5, "2", "3")
    stream = (
        shadowed(FIRST, PROMOTED, RESTORED, third)
        .count(3, 2, model_counts("1"))
        .count(4, 1, model_counts("3", **BROKEN))
    )
    verdict = stream.monitor.verdict()
    assert verdict is not None
    assert verdict.may_restore
    stream.monitor.set_assignments([FIRST, PROMOTED, RESTORED, third, second, update(6, "3", "2")])
    verdict = stream.count(5, 2, model_counts("2")).count(6, 1, model_counts("3", **BROKEN)).monitor.verdict()
    assert verdict is not None
    assert not verdict.may_restore


def test_a_failed_term_is_no_reference() -> None:
    """A model that is promoted again after a rollback is compared with its shadow period only."""
    again = update(4, "2", "1")
    stream = (
        shadowed(FIRST, PROMOTED, RESTORED, again)
        .count(2, 5, model_counts("2", **BROKEN))
        .count(4, 1, model_counts("2"))
    )
    assert "bounds from the champion's own 12 earlier blocks" in stream.monitor.description
    verdict = stream.count(4, 1, model_counts("2", **BROKEN)).monitor.verdict()
    assert verdict is not None
    assert verdict.may_restore


def test_reading_everything_again_gives_the_same_verdict() -> None:
    """Setting all assignments at the start gives the same verdict as setting them one by one."""
    whole = shadowed(FIRST, PROMOTED).count(2, 3, model_counts("2", **BROKEN)).monitor.verdict()
    stream = shadowed(FIRST)
    stream.monitor.set_assignments([FIRST, PROMOTED])
    assert stream.count(2, 3, model_counts("2", **BROKEN)).monitor.verdict() == whole

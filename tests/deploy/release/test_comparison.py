"""What two tracks did in the same minutes, and when a difference is too large."""

from dataclasses import replace

import pytest

from deploy.release.comparison import (
    MIB,
    Activity,
    activity,
    different_alert_rate,
    different_scores,
    too_many_errors,
    too_much_cpu,
    too_much_memory,
)
from deploy.release.limits import read_limits
from deploy.release.sample import Sample
from deploy.release.tracks import Program

LIMITS = read_limits()
START = Sample(
    "worker-0",
    Program.WORKER,
    100.0,
    ready=True,
    decided=1000,
    alerts=10,
    unscorable=0,
    requests=0,
    errors=0,
    cpu_s=5.0,
    memory_bytes=200 * MIB,
    lag=0,
    scores={0.5: 900, 1.0: 1000},
)


def test_an_activity_is_the_sum_of_what_the_instances_did() -> None:
    """Counters are subtracted and added up; the largest growth of memory counts."""
    other = replace(START, instance="worker-1")
    after = [
        replace(START, decided=3000, alerts=30, cpu_s=6.0, memory_bytes=230 * MIB, scores={0.5: 2700, 1.0: 3000}),
        replace(other, decided=2000, cpu_s=5.5, memory_bytes=210 * MIB),
    ]
    done = activity([START, other], after)
    assert (done.decided, done.alerts, done.cpu_s, done.memory_growth_mib) == (3000, 20, 1.5, 30)
    assert done.scores == {0.5: 1800, 1.0: 2000}
    assert done.cpu_ms_per_decision == 0.5


def test_an_instance_that_started_or_ended_in_between_is_left_out() -> None:
    """Only instances that are in both readings count, and one that restarted counts from zero."""
    new = replace(START, instance="worker-9", decided=50)
    restarted = replace(START, decided=400, errors=3)
    done = activity([START], [restarted, new])
    assert (done.decided, done.errors) == (400, 3)


@pytest.mark.parametrize(
    ("new", "rejected"),
    [
        (Activity(requests=100_000, errors=90), False),
        (Activity(requests=100_000, errors=110), True),
        (Activity(requests=10, errors=4), False),
        (Activity(requests=10, errors=5), True),
        (Activity(unscorable=4), False),
        (Activity(unscorable=5), True),
    ],
)
def test_the_error_budget(new: Activity, *, rejected: bool) -> None:
    """The share of errors decides, from a few errors on; unscorable transactions count by themselves."""
    assert (too_many_errors(new, LIMITS) is not None) is rejected


@pytest.mark.parametrize(
    ("old", "new", "rejected"),
    [
        (Activity(decided=20_000, alerts=200), Activity(decided=20_000, alerts=260), False),
        (Activity(decided=20_000, alerts=200), Activity(decided=20_000, alerts=500), True),
        (Activity(decided=20_000, alerts=200), Activity(decided=20_000, alerts=0), True),
        (Activity(decided=20_000, alerts=2), Activity(decided=20_000, alerts=6), False),
        (Activity(decided=20_000, alerts=200), Activity(decided=4_000, alerts=400), False),
        (Activity(decided=20_000, alerts=0), Activity(decided=20_000, alerts=0), False),
    ],
    ids=["little more", "much more", "none", "too few to tell", "too few decisions", "no alerts at all"],
)
def test_the_alert_rate(old: Activity, new: Activity, *, rejected: bool) -> None:
    """A difference must be both large and significant."""
    assert (different_alert_rate(old, new, LIMITS) is not None) is rejected


def test_the_score_distribution() -> None:
    """The largest distance between the cumulative shares decides."""
    old = Activity(decided=10_000, scores={0.1: 9000, 0.5: 9900, 1.0: 10_000})
    near = Activity(decided=6_000, scores={0.1: 5000, 0.5: 5900, 1.0: 6000})
    far = Activity(decided=6_000, scores={0.1: 4000, 0.5: 5900, 1.0: 6000})
    assert different_scores(old, near, LIMITS) is None
    assert different_scores(old, far, LIMITS) == "the score distributions are 0.233 apart (KS, limit 0.1)"
    assert different_scores(old, replace(far, decided=100), LIMITS) is None


def test_cpu_time_is_compared_per_decision() -> None:
    """Twice the decisions may take twice the CPU time, but not four times, if there is a CPU metric."""
    old = Activity(decided=10_000, cpu_s=4.0)
    assert too_much_cpu(old, Activity(decided=20_000, cpu_s=8.0), LIMITS) is None
    problem = too_much_cpu(old, Activity(decided=20_000, cpu_s=16.0), LIMITS)
    assert problem == "0.800 ms of CPU time per decision, against 0.400 (2.0 times, limit 1.5)"
    assert too_much_cpu(Activity(decided=10_000), Activity(decided=20_000, cpu_s=16.0), LIMITS) is None


def test_memory_may_grow_as_it_does_in_the_old_release() -> None:
    """What the old track's memory grows by in the same minutes is allowed on top."""
    assert too_much_memory(Activity(memory_growth_mib=40), Activity(memory_growth_mib=100), 64) is None
    assert too_much_memory(Activity(memory_growth_mib=-40), Activity(memory_growth_mib=60), 64) is None
    assert too_much_memory(Activity(), Activity(memory_growth_mib=100), 64) is not None


def test_an_instance_that_is_new_may_count_from_its_start() -> None:
    """Errors of a pod that was replaced during the watch count too."""
    done = activity([START], [START, replace(START, instance="worker-9", errors=3)], with_new=True)
    assert (done.decided, done.errors, done.memory_growth_mib) == (1000, 3, 0)

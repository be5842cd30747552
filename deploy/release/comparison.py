"""Compares what the two tracks did in the same minutes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from deploy.release.limits import Limits
from deploy.release.sample import Sample

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Activity:
    """What one track did in a period: differences of its instances' counters, added up."""

    decided: float = 0.0
    alerts: float = 0.0
    unscorable: float = 0.0
    requests: float = 0.0
    errors: float = 0.0
    #: CPU seconds of the instances that decided.
    cpu_s: float = 0.0
    #: Largest growth of an instance's memory, in MiB.
    memory_growth_mib: float = 0.0
    scores: Mapping[float, float] | None = None

    @property
    def cpu_ms_per_decision(self) -> float:
        """CPU milliseconds per decision."""
        return 1000 * self.cpu_s / self.decided if self.decided else math.nan


def activity(before: Sequence[Sample], after: Sequence[Sample], *, with_new: bool = False) -> Activity:
    """Return what some instances did between two readings.

    Args:
        before: The first reading.
        after: The second reading.
        with_new: Whether an instance that is missing in the first reading counts, from its start.
    """
    earlier_by_name = {each.instance: each for each in before}
    if with_new:
        earlier_by_name = {each.instance: _at_start(each) for each in after} | earlier_by_name
    pairs = [(earlier_by_name[each.instance], each) for each in after if each.instance in earlier_by_name]
    scores: dict[float, float] = {}
    for earlier, later in pairs:
        for bound, count in later.scores.items():
            scores[bound] = scores.get(bound, 0.0) + _increase(earlier.scores.get(bound, 0.0), count)
    return Activity(
        decided=sum(_increase(earlier.decided, later.decided) for earlier, later in pairs),
        alerts=sum(_increase(earlier.alerts, later.alerts) for earlier, later in pairs),
        unscorable=sum(_increase(earlier.unscorable, later.unscorable) for earlier, later in pairs),
        requests=sum(_increase(earlier.requests, later.requests) for earlier, later in pairs),
        errors=sum(_increase(earlier.errors, later.errors) for earlier, later in pairs),
        cpu_s=sum(_increase(earlier.cpu_s, later.cpu_s) for earlier, later in pairs),
        memory_growth_mib=max(
            ((later.memory_bytes - earlier.memory_bytes) / MIB for earlier, later in pairs), default=0.0
        ),
        scores=scores,
    )


def too_many_errors(new: Activity, limits: Limits) -> str | None:
    """Return how the new track breaks the error budget, or None."""
    if new.unscorable >= limits.min_errors:
        return f"{new.unscorable:.0f} transactions could not be scored"
    if new.errors >= limits.min_errors and new.errors > limits.error_share * new.requests:
        return f"{new.errors:.0f} of {new.requests:.0f} HTTP requests failed (limit {limits.error_share:.2%})"
    return None


def different_alert_rate(old: Activity, new: Activity, limits: Limits) -> str | None:
    """Return how the alert rates differ, or None. Two-proportion z-test with pooled variance, and a minimum ratio."""
    if min(old.decided, new.decided) < limits.min_decisions:
        return None
    one, two = old.alerts / old.decided, new.alerts / new.decided
    pooled = (old.alerts + new.alerts) / (old.decided + new.decided)
    error = math.sqrt(pooled * (1 - pooled) * (1 / old.decided + 1 / new.decided))
    ratio = max(one, two) / max(min(one, two), 1e-12)
    if error and abs(one - two) > limits.alert_rate_sigmas * error and ratio > limits.alert_rate_ratio:
        return f"{two:.2%} of the decisions alert, against {one:.2%} (limit: a factor of {limits.alert_rate_ratio:g})"
    return None


def different_scores(old: Activity, new: Activity, limits: Limits) -> str | None:
    """Return how far the score distributions are apart, or None. The KS statistic over the histograms' buckets."""
    if min(old.decided, new.decided) < limits.min_decisions or not old.scores or not new.scores:
        return None
    one, two = (_shares(each) for each in (old.scores, new.scores))
    distance = max(abs(one[bound] - two[bound]) for bound in one.keys() & two.keys())
    if distance > limits.score_ks:
        return f"the score distributions are {distance:.3f} apart (KS, limit {limits.score_ks:g})"
    return None


def too_much_cpu(old: Activity, new: Activity, limits: Limits) -> str | None:
    """Return how much more CPU time the new track needs for a decision, or None."""
    if min(old.decided, new.decided) < limits.min_decisions or not old.cpu_s:
        return None
    ratio = new.cpu_ms_per_decision / old.cpu_ms_per_decision
    if ratio > limits.cpu_ratio:
        return (
            f"{new.cpu_ms_per_decision:.3f} ms of CPU time per decision, against {old.cpu_ms_per_decision:.3f} "
            f"({ratio:.1f} times, limit {limits.cpu_ratio:g})"
        )
    return None


def too_much_memory(old: Activity, new: Activity, limit_mib: float) -> str | None:
    """Return how the new track's memory grows, or None."""
    growth = new.memory_growth_mib - max(old.memory_growth_mib, 0.0)
    if growth > limit_mib:
        return (
            f"an instance's memory grew by {new.memory_growth_mib:.0f} MiB, against {old.memory_growth_mib:.0f} MiB "
            f"(limit {limit_mib:g} MiB more)"
        )
    return None


def _at_start(sample: Sample) -> Sample:
    """Return an earlier sample of the same instance, with all counters at 0."""
    return replace(
        sample,
        decided=0.0,
        alerts=0.0,
        unscorable=0.0,
        requests=0.0,
        errors=0.0,
        cpu_s=0.0,
        scores=dict[float, float](),
    )


def _increase(earlier: float, later: float) -> float:
    """Return how much a counter rose; an instance that restarted counts from 0."""
    return later - earlier if later >= earlier else later


def _shares(cumulative: Mapping[float, float]) -> dict[float, float]:
    total = max(cumulative.values())
    return {bound: count / total for bound, count in cumulative.items()} if total else dict(cumulative)

"""Watches a release: reads the tracks' metrics again and again, and rejects the release once a limit is broken."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.release.comparison import (
    Activity,
    activity,
    different_alert_rate,
    different_scores,
    too_many_errors,
    too_much_cpu,
    too_much_memory,
)
from deploy.release.errors import ReleaseRejectedError
from deploy.release.limits import Limits
from deploy.release.sample import Sample
from deploy.release.target import Target
from deploy.release.tracks import Program, Track


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen in a watch, after its warm-up."""

    #: What the workers of the old and of the new track did in the same minutes.
    old_workers: Activity
    new_workers: Activity
    #: What the new track's edges did.
    new_edges: Activity


class Watch:
    """The watch over a new track.

    Args:
        target: Where the tracks run.
        new: The new release's track.
        limits: Limits of the release.
        old_edges: What the old track's edges did before HTTP traffic moved. The tracks' edges never serve at the same
            time, so this is what the new ones are compared with.
    """

    def __init__(self, target: Target, new: Track, limits: Limits, old_edges: Activity) -> None:
        self._target = target
        self._new = new
        self._limits = limits
        self._old_edges = old_edges
        # Errors count from here: HTTP traffic moves next.
        self._start = self._target.samples(self._new)
        self._warm = False
        self._lowest_lag = math.inf
        # When each condition that patience applies to began to hold, in `time.monotonic()`.
        self._since: dict[str, float] = {}

    def run(self, minutes: float, *, beside: bool) -> Watched:
        """Watch for some minutes.

        Args:
            minutes: Duration of the watch.
            beside: Whether the old track's workers decide too; then the new ones are compared with them.

        Raises:
            ReleaseRejectedError: If the new track breaks a limit.
        """
        began_s = time.monotonic()
        old: Sequence[Sample] = ()
        # CPU time and memory count after the warm-up, which a track needs only once.
        warm: tuple[Sequence[Sample], Sequence[Sample]] | None = None
        if self._warm:
            warm = (), self._target.samples(self._new)
        watched = Watched(Activity(), Activity(), Activity())
        while (elapsed_s := time.monotonic() - began_s) < minutes * 60:
            time.sleep(self._limits.interval_s)
            new = self._target.samples(self._new)
            if beside:
                old = self._target.samples(self._new.other)
            self._require_health(new)
            self._reject(too_many_errors(activity(self._start, new, with_new=True), self._limits))
            if warm is not None:
                watched = Watched(
                    activity(warm[0], _of(Program.WORKER, old)),
                    activity(warm[1], _of(Program.WORKER, new)),
                    activity(warm[1], _of(Program.EDGE, new)),
                )
                self._judge(watched, beside=beside)
            elif elapsed_s >= self._limits.warm_up_s:
                warm, self._warm = (old, new), True
        return watched

    def _judge(self, watched: Watched, *, beside: bool) -> None:
        old, new, limits = watched.old_workers, watched.new_workers, self._limits
        if beside:
            self._reject(different_alert_rate(old, new, limits))
            self._reject(different_scores(old, new, limits))
            self._reject(too_much_cpu(old, new, limits))
        self._reject(too_much_cpu(self._old_edges, watched.new_edges, limits))
        # Edges are not compared with the old ones, whose caches of responses are full.
        self._reject(too_much_memory(old, new, limits.memory_growth_mib))
        self._reject(too_much_memory(Activity(), watched.new_edges, limits.edge_memory_growth_mib))

    def _require_health(self, samples: Sequence[Sample]) -> None:
        expected = self._target.instances(self._new)
        missing = expected - sum(each.ready for each in samples)
        self._tolerate("ready", f"{missing} of {expected} instances are not ready" if missing > 0 else None)
        self._require_progress(sum(each.lag for each in samples))

    def _require_progress(self, lag: float) -> None:
        """Reject the release if lag is high and does not fall: a track may take over a backlog and work it off."""
        if lag < self._lowest_lag or lag <= self._limits.lag:
            self._since.pop("lag", None)
        self._lowest_lag = min(lag, self._lowest_lag) if lag > self._limits.lag else math.inf
        behind = f"{lag:.0f} transactions behind, and not catching up" if lag > self._limits.lag else None
        self._tolerate("lag", behind)

    def _tolerate(self, name: str, problem: str | None) -> None:
        """Reject the release if a problem has lasted for longer than patience allows."""
        if problem is None:
            self._since.pop(name, None)
            return
        since_s = self._since.setdefault(name, time.monotonic())
        if time.monotonic() - since_s > self._limits.patience_s:
            self._reject(f"{problem}, for more than {self._limits.patience_s:g} s")

    def _reject(self, problem: str | None) -> None:
        if problem is not None:
            raise ReleaseRejectedError(f"{self._new}: {problem}")


def _of(program: Program, samples: Sequence[Sample]) -> list[Sample]:
    return [each for each in samples if each.program is program]

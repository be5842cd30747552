"""A blue-green release, step by step, and the way back.

1. The new release decides the newest transactions again: the decisions are the same, or differ as it declares.
2. Its edge starts and passes smoke tests.
3. Its workers join the consumer group, in slots of their own, so that both tracks decide.
4. HTTP traffic moves to its edge.
5. Both are watched.
6. The old workers finish their batches and leave; the new ones are watched alone.
7. The release becomes final: its ledger and archive replace the old ones, and the old edge stops.

If a step before the last one fails, everything is undone: HTTP traffic moves back first, because the old edge still
runs; then the other steps are undone in reverse order. The old ledger and archive read what the new release writes in
the meantime, and they stay if it is rolled back.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from deploy.release.comparison import Activity, activity
from deploy.release.errors import IncompleteError
from deploy.release.journal import Journal
from deploy.release.limits import Limits
from deploy.release.proof import prove
from deploy.release.sample import Sample
from deploy.release.signals import signals_ignored
from deploy.release.smoke import run_smoke_tests
from deploy.release.target import Target
from deploy.release.tracks import Program, Track
from deploy.release.watch import Watch


class _Undo(NamedTuple):
    """A step that undoes another one."""

    name: str
    run: Callable[[], None]
    #: Whether it would fail requests as long as HTTP traffic goes to the new track.
    needs_route: bool = False


class Rollout:
    """The way of one release to a track, or back.

    Args:
        target: Where the tracks run.
        new: Track of the new release; its programs are not running yet.
        limits: Limits of the release.
        transactions: Transactions for the smoke tests, as JSON.
        headers: Headers for the smoke tests' requests.
        journal: Log of the release.
    """

    def __init__(
        self,
        target: Target,
        new: Track,
        limits: Limits,
        *,
        transactions: Sequence[bytes],
        headers: dict[str, str],
        journal: Journal,
    ) -> None:
        self._target = target
        self._new, self._old = new, new.other
        self._limits = limits
        self._transactions = transactions
        self._headers = headers
        self._journal = journal
        self._undo: list[_Undo] = []
        self._undo_route: list[_Undo] = []

    def deploy(self) -> None:
        """Release the new track.

        Raises:
            ReleaseRejectedError: If the release failed a check and was rolled back.
            IncompleteError: If the rollback failed, or the last step did, after which there is no way back.
            ReleaseError: If a step failed, and the release was rolled back.
        """
        with self._undone_if_it_fails():
            before = self._edges_of_old()
            self._prove()
            self._start_edge()
            self._start_workers()
            watch = self._move_http(activity(before, self._edges_of_old()))
            self._watch_beside(watch)
            self._stop_old_workers()
            self._watch_alone(watch)
        with self._final(), self._journal.step(f"ledger and archive of {self._new} replace those of {self._old}"):
            self._target.stop(self._old, Program.STORES)
            self._target.start(self._new, Program.STORES)
        self._stop_old_edge()

    def restore(self) -> None:
        """Go back to the new track's release, which served before the old track's.

        Nothing is compared with the old track, because its decisions may be the reason to go back. Ledger and archive
        stay: every release reads the formats of earlier ones.

        Raises:
            ReleaseRejectedError: If the new track does not work either; then the old one serves as before.
            IncompleteError: As for `deploy`.
            ReleaseError: If a step failed, and everything is as before.
        """
        with self._undone_if_it_fails():
            self._start_edge()
            self._start_workers()
            watch = self._move_http(Activity())
            self._stop_old_workers()
            self._watch_alone(watch)
        self._stop_old_edge()

    def roll_back(self) -> None:
        """Undo the steps so far. A step that cannot be undone does not keep the others from it.

        Raises:
            IncompleteError: If a step could not be undone.
        """
        failures: dict[str, str] = {}
        route, steps = self._undo_route, self._undo
        self._undo_route, self._undo = [], []
        with signals_ignored():
            for step in [*route, *reversed(steps)]:
                if step.needs_route and any(each.name in failures for each in route):
                    continue
                try:
                    with self._journal.step(f"roll back: {step.name}"):
                        step.run()
                # An unexpected error, too, must not keep the other steps from being undone.
                except Exception as error:  # noqa: BLE001
                    failures[step.name] = str(error) or type(error).__name__
        if failures:
            raise IncompleteError(f"the rollback is incomplete, finish it by hand: {'; '.join(failures.values())}")

    @contextmanager
    def _undone_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        # Also after Ctrl-C, or an error of this program: neither may leave both tracks running.
        except BaseException:
            self.roll_back()
            raise

    @contextmanager
    def _final(self) -> Iterator[None]:
        try:
            yield
        # Also after an unexpected error: there is no way back any more.
        except Exception as error:
            raise IncompleteError(f"{self._new} serves, but its release is not complete: {error}") from error

    def _prove(self) -> None:
        with self._journal.step(f"{self._new} decides the last {self._limits.replay_minutes:g} minutes again") as step:
            step.detail = prove(self._target, self._new, self._limits)

    def _edges_of_old(self) -> list[Sample]:
        return [each for each in self._target.samples(self._old) if each.program is Program.EDGE]

    def _start_edge(self) -> None:
        stop = partial(self._target.stop, self._new, Program.EDGE)
        self._undo.append(_Undo(f"stop the edge of {self._new}", stop, needs_route=True))
        with self._journal.step(f"start the edge of {self._new}"):
            self._target.start(self._new, Program.EDGE)
        with self._journal.step(f"smoke tests on the edge of {self._new}") as step:
            url = self._target.edge_url(self._new)
            step.detail = f"{run_smoke_tests(url, self._transactions, self._headers)} responses as expected"

    def _move_http(self, old_edges: Activity) -> Watch:
        """Move HTTP traffic, and return the watch, which counts from the moment before."""
        route = partial(self._target.route, self._old)
        self._undo_route.append(_Undo(f"HTTP traffic goes to {self._old}", route))
        with self._journal.step(f"HTTP traffic goes to {self._new}"):
            watch = Watch(self._target, self._new, self._limits, old_edges)
            self._target.route(self._new)
        return watch

    def _watch_beside(self, watch: Watch) -> None:
        with self._journal.step(f"watch {self._new} beside {self._old}") as step:
            watched = watch.run(self._limits.watch_minutes, beside=True)
            old, new = watched.old_workers, watched.new_workers
            step.detail = f"{_summary(self._old, old)}; {_summary(self._new, new)}"
            if min(old.decided, new.decided) < self._limits.min_decisions:
                step.detail += (
                    f"; with fewer than {self._limits.min_decisions:,} decisions of each, alert rate, scores and CPU "
                    "time were not compared"
                )

    def _start_workers(self) -> None:
        stop = partial(self._target.stop, self._new, Program.WORKER)
        self._undo.append(_Undo(f"stop the workers of {self._new}", stop))
        with self._journal.step(f"the workers of {self._new} join those of {self._old}"):
            self._target.start(self._new, Program.WORKER)

    def _stop_old_workers(self) -> None:
        start = partial(self._target.start, self._old, Program.WORKER)
        self._undo.append(_Undo(f"start the workers of {self._old}", start))
        with self._journal.step(f"the workers of {self._old} finish and leave"):
            self._target.stop(self._old, Program.WORKER)

    def _watch_alone(self, watch: Watch) -> None:
        with self._journal.step(f"watch {self._new} alone") as step:
            step.detail = _summary(self._new, watch.run(self._limits.alone_minutes, beside=False).new_workers)

    def _stop_old_edge(self) -> None:
        with self._final(), self._journal.step(f"stop the edge of {self._old}"):
            self._target.stop(self._old, Program.EDGE)
        self._undo_route, self._undo = [], []


def _summary(track: Track, done: Activity) -> str:
    if not done.decided:
        return f"{track} decided nothing"
    share = done.alerts / done.decided
    return f"{track} decided {done.decided:,.0f}, {share:.2%} alerts, {done.cpu_ms_per_decision:.3f} ms CPU each"

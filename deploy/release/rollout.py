"""A blue-green release, step by step, and the way back.

1. The new release decides the newest transactions again: the decisions are the same, or differ as it declares.
2. Its edge starts and passes smoke tests.
3. HTTP traffic moves to its edge.
4. Its workers join the consumer group, in slots of their own, so that both tracks decide.
5. Both are watched.
6. The old workers finish their batches and leave; the new ones are watched alone.
7. The release becomes final: its ledger and archive replace the old ones, and the old edge stops.

Every step before the last one is undone if a later one fails, in reverse order. The old ledger and archive read what
the new release writes in the meantime, and they stay if it is rolled back.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deploy.release.comparison import Activity, activity
from deploy.release.errors import IncompleteError, ReleaseError, ReleaseRejectedError
from deploy.release.journal import Journal
from deploy.release.limits import Limits
from deploy.release.sample import Sample
from deploy.release.smoke import run_smoke_tests
from deploy.release.target import Target
from deploy.release.tracks import Program, Track
from deploy.release.watch import Watch
from stream.replay.report import DecisionDifference


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
        self._undo: list[tuple[str, Callable[[], None]]] = []

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
            watch = self._move_http(before)
            self._join_workers(watch)
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
            self._route()
            self._start_workers()
            self._stop_old_workers()
            self._watch_alone(Watch(self._target, self._new, self._limits, Activity()))
        self._stop_old_edge()

    def roll_back(self) -> None:
        """Undo the steps so far, the last one first. A step that cannot be undone does not keep the others from it.

        Raises:
            IncompleteError: If a step could not be undone.
        """
        failures = []
        while self._undo:
            name, undo = self._undo.pop()
            try:
                with self._journal.step(f"roll back: {name}"):
                    undo()
            except ReleaseError as error:
                failures.append(str(error))
        if failures:
            raise IncompleteError(f"the rollback is incomplete, finish it by hand: {'; '.join(failures)}")

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
        except ReleaseError as error:
            raise IncompleteError(f"{self._new} serves, but its release is not complete: {error}") from error

    def _prove(self) -> None:
        with self._journal.step(f"{self._new} decides the last {self._limits.replay_minutes:g} minutes again") as step:
            step.detail = self._replay()

    def _replay(self) -> str:
        with tempfile.TemporaryDirectory(prefix="fraud-release-") as directory:
            out = Path(directory) / "differences.jsonl"
            self._target.replay(self._new, self._limits.replay_minutes, out)
            lines = out.read_bytes().splitlines() if out.exists() else []
        fields: Counter[str] = Counter()
        refused = 0
        for line in lines:
            difference = msgspec.json.decode(line, type=DecisionDifference)
            fields.update(difference.fields.keys())
            refused += difference.refused is not None
        undeclared = {name: n for name, n in fields.items() if name not in self._limits.declared_differences}
        if refused:
            raise ReleaseRejectedError(f"{refused} transactions that were decided are rejected now")
        if undeclared:
            found = ", ".join(f"{name} in {count}" for name, count in sorted(undeclared.items()))
            raise ReleaseRejectedError(
                f"{len(lines)} decisions differ ({found}); if that is the purpose of the release, declare these fields"
            )
        return f"{len(lines)} decisions differ, only in declared fields" if lines else "all decisions are the same"

    def _move_http(self, before: Sequence[Sample]) -> Watch:
        self._start_edge()
        old_edges = activity(before, self._edges_of_old())
        self._route()
        return Watch(self._target, self._new, self._limits, old_edges)

    def _edges_of_old(self) -> list[Sample]:
        return [each for each in self._target.samples(self._old) if each.program is Program.EDGE]

    def _start_edge(self) -> None:
        self._undo.append((f"stop the edge of {self._new}", lambda: self._target.stop(self._new, Program.EDGE)))
        with self._journal.step(f"start the edge of {self._new}"):
            self._target.start(self._new, Program.EDGE)
        with self._journal.step(f"smoke tests on the edge of {self._new}") as step:
            url = self._target.edge_url(self._new)
            step.detail = f"{run_smoke_tests(url, self._transactions, self._headers)} responses as expected"

    def _route(self) -> None:
        self._undo.append((f"HTTP traffic goes to {self._old}", lambda: self._target.route(self._old)))
        with self._journal.step(f"HTTP traffic goes to {self._new}"):
            self._target.route(self._new)

    def _join_workers(self, watch: Watch) -> None:
        self._start_workers()
        with self._journal.step(f"watch {self._new} beside {self._old}") as step:
            watched = watch.run(self._limits.watch_minutes, beside=True)
            old, new = watched.old_workers, watched.new_workers
            step.detail = f"{_summary(self._old, old)}; {_summary(self._new, new)}"
            if min(old.decided, new.decided) < self._limits.min_decisions:
                step.detail += (
                    f"; with fewer than {self._limits.min_decisions:,} decisions of each, alert rate, scores and CPU "
                    "time were not compared"
                )
        self._stop_old_workers()
        self._watch_alone(watch)

    def _start_workers(self) -> None:
        self._undo.append((f"stop the workers of {self._new}", lambda: self._target.stop(self._new, Program.WORKER)))
        with self._journal.step(f"the workers of {self._new} join those of {self._old}"):
            self._target.start(self._new, Program.WORKER)

    def _stop_old_workers(self) -> None:
        self._undo.append((f"start the workers of {self._old}", lambda: self._target.start(self._old, Program.WORKER)))
        with self._journal.step(f"the workers of {self._old} finish and leave"):
            self._target.stop(self._old, Program.WORKER)

    def _watch_alone(self, watch: Watch) -> None:
        with self._journal.step(f"watch {self._new} alone") as step:
            step.detail = _summary(self._new, watch.run(self._limits.alone_minutes, beside=False).new_workers)

    def _stop_old_edge(self) -> None:
        with self._final(), self._journal.step(f"stop the edge of {self._old}"):
            self._target.stop(self._old, Program.EDGE)
        self._undo.clear()


def _summary(track: Track, done: Activity) -> str:
    if not done.decided:
        return f"{track} decided nothing"
    share = done.alerts / done.decided
    return f"{track} decided {done.decided:,.0f}, {share:.2%} alerts, {done.cpu_ms_per_decision:.3f} ms CPU each"

"""A target that runs nothing: it records what it is asked to do, and fails where a test wants it to."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from deploy.release.errors import ReleaseRejectedError
from deploy.release.sample import Sample
from deploy.release.tracks import Program, Track
from stream.replay.report import ReplayReport


class ScriptedTarget:
    """Stands in for the place where programs run, in tests of the order of steps.

    Args:
        edge: URL of the edges.
        differences: Lines that a replay writes.
        fails: Calls that fail, such as `start green worker`.
        lag: Transactions that each track is behind.
        growth: What each reading of a track adds to the fields of its samples.
    """

    def __init__(
        self,
        edge: str,
        *,
        differences: bytes = b"",
        fails: tuple[str, ...] = (),
        lag: float = 0.0,
        growth: Mapping[Track, Mapping[str, float]] | None = None,
    ) -> None:
        self._edge = edge
        self._differences = differences
        self._fails = fails
        self._lag = lag
        self._growth = growth or {}
        self._readings = dict.fromkeys(Track, 0)
        self.calls: list[str] = []

    def replay(self, track: Track, minutes: float) -> str:  # noqa: ARG002 - of the protocol
        """Return the differences and a report of 10,000 decisions."""
        self._call(f"replay {track}")
        refused = sum(b'"refused"' in line for line in self._differences.splitlines())
        different = len(self._differences.splitlines()) - refused
        report = ReplayReport(None, same=10_000 - different - refused, different=different, refused=refused)
        return self._differences.decode() + msgspec.json.format(msgspec.json.encode(report)).decode() + "\n"

    def start(self, track: Track, program: Program) -> None:
        """Record the call."""
        self._call(f"start {track} {program}")

    def stop(self, track: Track, program: Program) -> None:
        """Record the call."""
        self._call(f"stop {track} {program}")

    def route(self, track: Track) -> None:
        """Record the call."""
        self._call(f"route {track}")

    def edge_url(self, track: Track) -> str:  # noqa: ARG002 - of the protocol
        """Return the URL."""
        return self._edge

    def instances(self, track: Track) -> int:  # noqa: ARG002 - of the protocol
        """Return the number of instances."""
        return 1

    def samples(self, track: Track) -> list[Sample]:
        """Return a sample of one worker, which decides 10,000 transactions between two readings."""
        self._readings[track] += 1
        n = self._readings[track]
        sample = Sample(
            "worker-0",
            Program.WORKER,
            float(n),
            ready=True,
            decided=10_000 * n,
            alerts=100 * n,
            unscorable=0,
            requests=0,
            errors=0,
            cpu_s=2.0 * n,
            memory_bytes=2e8,
            lag=self._lag,
        )
        growth = self._growth.get(track, {})
        return [replace(sample, **{name: getattr(sample, name) + value * n for name, value in growth.items()})]

    def _call(self, call: str) -> None:
        self.calls.append(call)
        if call in self._fails:
            raise ReleaseRejectedError(f"{call} failed")

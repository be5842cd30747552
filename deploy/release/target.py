"""What a release needs to know about the place where the programs run."""

from collections.abc import Sequence
from typing import Protocol

from deploy.release.sample import Sample
from deploy.release.tracks import Program, Track


class Target(Protocol):
    """Compose hosts, a Kubernetes namespace, or processes on this machine.

    Every method raises ReleaseError if it cannot do its work, and `start` raises ReleaseRejectedError if the programs
    do not become ready.
    """

    def replay(self, track: Track, minutes: float) -> str:
        """Decide the newest transactions again with a track's release.

        Args:
            track: Track whose release is run. None of its programs needs to be running.
            minutes: How far back to go.

        Returns:
            What `fraud-stream replay --out /dev/stdout` printed, to the output and the error stream.
        """

    def start(self, track: Track, program: Program) -> None:
        """Start a track's instances of a program, and return when all of them are ready."""

    def stop(self, track: Track, program: Program) -> None:
        """Stop a track's instances of a program; batches and requests in flight are completed."""

    def route(self, track: Track) -> None:
        """Send new HTTP requests to a track's edge; requests in flight are completed where they are."""

    def edge_url(self, track: Track) -> str:
        """Return the URL of a track's edge, past the load balancer."""

    def samples(self, track: Track) -> Sequence[Sample]:
        """Return one sample of the metrics of each of a track's edges and workers that responds."""

    def instances(self, track: Track) -> int:
        """Return how many edges and workers of a track should be running."""


class ReleaseTarget(Target, Protocol):
    """What the command line needs besides: the state of the tracks before a release."""

    def serving(self) -> Track:
        """Return the track that gets the HTTP traffic."""

    def release(self, track: Track) -> str | None:
        """Return the image that a track runs, or ran before it was stopped; None if nothing has ever run there."""

    def running(self, track: Track) -> dict[Program, tuple[int, int]]:
        """Return how many instances of edge and worker are ready, and how many should be."""

    def close(self) -> None:
        """Close connections. The programs go on."""

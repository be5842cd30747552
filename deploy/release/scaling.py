"""Shares the partitions between the workers of two tracks, while KEDA leaves their numbers alone.

A worker without a partition never becomes ready, so both tracks together must not have more workers than there are
partitions. KEDA would not know that: it scales each track for itself.
"""

from deploy.release.errors import ReleaseError
from deploy.release.kubectl import Kubectl
from deploy.release.tracks import Program, Track
from deploy.release.workloads import Workloads

#: Annotation that stops KEDA and fixes the number of workers.
PAUSED = "autoscaling.keda.sh/paused-replicas"


def share(wanted: int, other: int, partitions: int) -> int:
    """Return how many workers a track starts with beside those of the other one.

    It gets what the other one leaves, but at least half of the partitions if it wants as many; then the other one has
    to make room.

    Args:
        wanted: Workers that the track needs to carry the whole load.
        other: Workers of the other track.
        partitions: Number of partitions.
    """
    return min(wanted, max(partitions - other, partitions // 2))


class Scaling:
    """The numbers of workers of both tracks, from the moment in which a release changes them.

    Args:
        kubectl: kubectl in the tracks' namespace.
        workloads: The tracks' workloads.
    """

    def __init__(self, kubectl: Kubectl, workloads: Workloads) -> None:
        self._kubectl = kubectl
        self._workloads = workloads
        # Workers that each track has when it carries the whole load.
        self._alone: dict[Track, int] = {}

    def start(self, track: Track) -> None:
        """Start a track's workers beside those of the other track, and return when all of its own are ready.

        Raises:
            ReleaseError: If the track has never been applied, or there is a single partition.
            ReleaseRejectedError: If the workers do not become ready.
        """
        scaled = self._kubectl.get(f"scaledobject/worker-{track}")
        if scaled is None:
            raise ReleaseError(f"{self._kubectl.namespace} has no ScaledObject worker-{track}; start the edges first")
        least, partitions = (int(scaled["spec"][name]) for name in ("minReplicaCount", "maxReplicaCount"))
        other = self._workloads.replicas(track.other, Program.WORKER)
        self._alone.setdefault(track.other, other)
        wanted = self._alone.setdefault(track, min(max(other, least), partitions))
        own = share(wanted, other, partitions)
        if not own:
            raise ReleaseError(
                f"maxReplicaCount of worker-{track} is {partitions}, so two tracks cannot share the partitions; "
                "use at least two partitions, and set maxReplicaCount to their number"
            )
        # Even if nothing changes, so that KEDA adds no workers there.
        if other:
            self._fix(track.other, min(other, partitions - own))
        # A worker that gets its partition only when one of the other track has left becomes ready then.
        self._fix(track, own)
        self._workloads.wait_ready(self._workloads.name(track, Program.WORKER))

    def stop(self, track: Track, *, resume_other: bool) -> None:
        """Stop a track's workers. The other track gets as many as it needs to carry the whole load.

        Args:
            track: The track.
            resume_other: Whether KEDA scales the other track again.

        Raises:
            ReleaseError: If pods remain.
            ReleaseRejectedError: If the other track's workers do not become ready.
        """
        self._alone.setdefault(track, self._workloads.replicas(track, Program.WORKER))
        wanted = self._alone.get(track.other, 0)
        grows = self._workloads.replicas(track.other, Program.WORKER) < wanted
        self._fix(track, 0)
        # At once: they start while the others finish, which may take until Kubernetes ends them.
        if grows:
            self._fix(track.other, wanted)
        if resume_other:
            self.resume(track.other)
        self._workloads.wait_gone(track, Program.WORKER)
        if grows:
            self._workloads.wait_ready(self._workloads.name(track.other, Program.WORKER))

    def resume(self, track: Track) -> None:
        """Let KEDA scale a track again."""
        self._pause(track, None)

    def _fix(self, track: Track, count: int) -> None:
        self._pause(track, str(count))
        self._workloads.scale(track, Program.WORKER, count)

    def _pause(self, track: Track, value: str | None) -> None:
        self._kubectl.patch(f"scaledobject/worker-{track}", {"metadata": {"annotations": {PAUSED: value}}})

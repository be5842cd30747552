"""The tracks' workloads in a Kubernetes namespace: their size, their pods, and waiting for them."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from deploy.release.errors import ReleaseError, ReleaseRejectedError
from deploy.release.kubectl import Kubectl
from deploy.release.manifests import COMPONENT
from deploy.release.pods import completed, finished, rolled_out, why_not_ready
from deploy.release.tracks import Program, Track

#: Seconds for pods to become ready (the image may have to be pulled) and for a Job, and for pods to be gone.
READY_S, GONE_S = 180.0, 60.0
#: Seconds between two requests for a state that is awaited.
POLL_S = 1.0
#: Programs with a workload in each track, and its kind.
KINDS = {Program.EDGE: "deployment", Program.WORKER: "statefulset"}


class Workloads:
    """Workloads of edges and workers, and what else a release waits for.

    Args:
        kubectl: kubectl in their namespace.
    """

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    @staticmethod
    def name(track: Track, program: Program) -> str:
        """Return the name of a track's workload, such as `deployment/http-blue`."""
        return f"{KINDS[program]}/{program}-{track}"

    def get(self, track: Track, program: Program) -> Any:
        """Return a track's workload; None if it has never been applied."""
        return self._kubectl.get(self.name(track, program))

    def replicas(self, track: Track, program: Program) -> int:
        """Return how many pods a track's workload should have."""
        workload = self.get(track, program)
        return int(workload["spec"]["replicas"]) if workload else 0

    def scale(self, track: Track, program: Program, count: int) -> None:
        """Set how many pods a track's workload should have, without waiting for them."""
        self._kubectl.run("scale", self.name(track, program), "--replicas", str(count))

    def pods(self, selector: str) -> Sequence[dict[str, Any]]:
        """Return the pods that a selector selects."""
        found = self._kubectl.get("pods", "--selector", selector)
        return found["items"] if found else []

    def wait_gone(self, track: Track, program: Program) -> None:
        """Wait until no pod of a track's program exists.

        Raises:
            ReleaseError: If there are some after `GONE_S`.
        """
        selector = f"track={track},{COMPONENT}={program}"
        deadline_s = time.monotonic() + GONE_S
        while pods := self.pods(selector):
            if time.monotonic() > deadline_s:
                raise ReleaseError(f"{len(pods)} pods of {selector} still run after {GONE_S:g} s; delete them by hand")
            time.sleep(POLL_S)

    def wait_ready(self, workload: str) -> None:
        """Wait until all pods of a Deployment or StatefulSet are new and ready.

        Raises:
            ReleaseRejectedError: If they are not after `READY_S`.
        """
        self._wait(workload, "ready", rolled_out, READY_S)

    def wait_complete(self, job: str) -> None:
        """Wait until a Job is complete.

        Raises:
            ReleaseRejectedError: If it has failed, or is not complete after `READY_S`.
        """
        self._wait(job, "complete", completed, READY_S)

    def wait_finished(self, pod: str, limit_s: float) -> None:
        """Wait until the container of a pod has ended, in whichever way.

        Raises:
            ReleaseRejectedError: If it has not after some seconds.
        """
        self._wait(pod, "finished", finished, limit_s)

    def _wait(self, name: str, state: str, reached: Callable[[Any], bool], limit_s: float) -> None:
        deadline_s = time.monotonic() + limit_s
        while not reached(resource := self._kubectl.get(name)):
            if time.monotonic() > deadline_s:
                reasons = why_not_ready(self._pods_of(resource))
                raise ReleaseRejectedError(f"{name} was not {state} within {limit_s:g} s: {reasons}")
            time.sleep(POLL_S)

    def _pods_of(self, resource: Any) -> Sequence[dict[str, Any]]:
        if resource is None:
            return ()
        if resource["kind"] == "Pod":
            return [resource]
        # The API server gives a Job a selector for its own pods.
        labels = resource["spec"]["selector"]["matchLabels"]
        return self.pods(",".join(f"{name}={value}" for name, value in labels.items()))

"""A target whose tracks are the pods of a Kubernetes namespace, as deploy/kubernetes describes them."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from deploy.release.errors import ReleaseError
from deploy.release.forwards import Forwards
from deploy.release.kubectl import Kubectl
from deploy.release.manifests import (
    COMPONENT,
    Resource,
    image_override,
    replay_manifests,
    shared_manifests,
    track_manifests,
)
from deploy.release.pods import is_ready
from deploy.release.sample import Sample
from deploy.release.scaling import Scaling
from deploy.release.scrape import scrape
from deploy.release.tracks import Program, Track
from deploy.release.workloads import KINDS, Workloads

#: Seconds for a replay.
REPLAY_S = 600.0
#: Ports of the pods, by program.
PORTS = {Program.EDGE: 6072, Program.WORKER: 6066}


class KubernetesTarget:
    """Tracks as pods. A track is stopped by scaling it to 0, so what ran there can be started again as it was.

    While two tracks decide, KEDA scales neither of them: it would change what is compared, and might start more workers
    than there are partitions.

    Args:
        environment: Name of the overlay; its namespace is `fraud-` and this name.
        images: Reference of each image by its name in the manifests. Without any, tracks are started as they were.
        headers: Headers of requests to the pods, such as an API key.

    Raises:
        ReleaseError: If an image is not named by digest.
    """

    def __init__(self, environment: str, images: Mapping[str, str], headers: Mapping[str, str]) -> None:
        for name, reference in images.items():
            image_override(name, reference)
        self._environment = environment
        self._images = images
        self._headers = headers
        self._kubectl = Kubectl(f"fraud-{environment}")
        self._forwards = Forwards(self._kubectl)
        self._workloads = Workloads(self._kubectl)
        self._scaling = Scaling(self._kubectl, self._workloads)
        self._released: Track | None = None
        self._rendered: dict[Track, tuple[list[Resource], list[Resource]]] = {}

    def close(self) -> None:
        """Close the connections to pods; the pods go on."""
        self._forwards.close()

    def serving(self) -> Track:
        """See `ReleaseTarget.serving`."""
        service = self._kubectl.get("service/http")
        if service is None:
            raise ReleaseError(
                f"{self._kubectl.namespace} has no Service http; apply the overlay once, see deploy-kubernetes.md"
            )
        return Track(service["spec"]["selector"]["track"])

    def release(self, track: Track) -> str | None:
        """See `ReleaseTarget.release`."""
        edge = self._workloads.get(track, Program.EDGE)
        return edge and str(edge["spec"]["template"]["spec"]["containers"][0]["image"])

    def running(self, track: Track) -> dict[Program, tuple[int, int]]:
        """See `ReleaseTarget.running`."""
        counts = {}
        for program in KINDS:
            workload = self._workloads.get(track, program) or {"spec": {"replicas": 0}}
            counts[program] = (workload.get("status", {}).get("readyReplicas", 0), workload["spec"]["replicas"])
        return counts

    def replay(self, track: Track, minutes: float) -> str:
        """See `Target.replay`."""
        name = f"replay-{track}"
        start_ms = round((time.time() - 60 * minutes) * 1000)
        own, _ = self._manifests(track)
        self._kubectl.run("delete", "pod", name, "--ignore-not-found")
        try:
            self._kubectl.apply(replay_manifests(own, name, start_ms, REPLAY_S))
            self._workloads.wait_finished(f"pod/{name}", REPLAY_S)
            return self._kubectl.run("logs", f"pod/{name}")
        finally:
            self._kubectl.run("delete", "pod", name, "--ignore-not-found", "--wait=false")

    def start(self, track: Track, program: Program) -> None:
        """See `Target.start`."""
        if program is Program.STORES:
            self._start_stores(track)
        elif program is Program.WORKER:
            self._scaling.start(track)
        else:
            self._released = track
            if self._images:
                own, _ = self._manifests(track)
                self._kubectl.apply(own)
            else:
                self._workloads.scale(track, program, self._workloads.replicas(track.other, program) or 1)
            self._workloads.wait_ready(self._workloads.name(track, program))

    def stop(self, track: Track, program: Program) -> None:
        """See `Target.stop`. Ledger and archive go on, because the new ones replace them pod by pod."""
        # A release whose manifests could not be applied has no workloads.
        if program is Program.STORES or self._workloads.get(track, program) is None:
            return
        if program is Program.WORKER:
            # Without the new track's workers, the old track is as it was before the release.
            self._scaling.stop(track, resume_other=track is self._released)
            return
        self._workloads.scale(track, program, 0)
        self._workloads.wait_gone(track, program)
        # The edge of the old track stops last, when a release is over.
        if self._released is track.other:
            self._scaling.resume(self._released)

    def route(self, track: Track) -> None:
        """See `Target.route`. Connections that are open to the other track's edges stay there until they are closed."""
        self._kubectl.patch("service/http", {"spec": {"selector": {"track": str(track)}}})

    def edge_url(self, track: Track) -> str:
        """See `Target.edge_url`."""
        edges = [each for each in self._workloads.pods(f"track={track},{COMPONENT}={Program.EDGE}") if is_ready(each)]
        if not edges:
            raise ReleaseError(f"no edge of {track} is ready")
        return self._forwards.url(edges[0]["metadata"]["name"], PORTS[Program.EDGE])

    def instances(self, track: Track) -> int:
        """See `Target.instances`."""
        return sum(self._workloads.replicas(track, program) for program in KINDS)

    def samples(self, track: Track) -> list[Sample]:
        """See `Target.samples`."""
        # Both tracks, so that only the ports of pods that are gone are closed.
        pods = self._workloads.pods(f"track,{COMPONENT} in ({Program.EDGE},{Program.WORKER})")
        self._forwards.keep([each["metadata"]["name"] for each in pods])
        own = [each for each in pods if each["metadata"]["labels"]["track"] == track]
        with ThreadPoolExecutor(max(len(own), 1)) as threads:
            return [each for each in threads.map(self._sample, own) if each is not None]

    def _sample(self, pod: dict[str, Any]) -> Sample | None:
        name, program = pod["metadata"]["name"], Program(pod["metadata"]["labels"][COMPONENT])
        try:
            url = self._forwards.url(name, PORTS[program])
        except ReleaseError:
            return None
        return scrape(name, program, url, self._headers)

    def _start_stores(self, track: Track) -> None:
        _, shared = self._manifests(track)
        # A Job cannot be changed.
        self._kubectl.run("delete", "job", "topics", "--ignore-not-found")
        self._kubectl.apply(shared)
        # The programs end until their topics exist, so the Job is the cause if both fail.
        for kind, wait in (("Job", self._workloads.wait_complete), ("Deployment", self._workloads.wait_ready)):
            for each in shared:
                if each["kind"] == kind:
                    wait(f"{kind.lower()}/{each['metadata']['name']}")

    def _manifests(self, track: Track) -> tuple[list[Resource], list[Resource]]:
        """Return the track's resources and those that the tracks share.

        Both are rendered in the first step: what cannot be rendered must not stop a release half way.
        """
        if track not in self._rendered:
            self._rendered[track] = (
                track_manifests(self._environment, track, self._images),
                shared_manifests(self._environment, track, self._images),
            )
        return self._rendered[track]

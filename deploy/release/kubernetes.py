"""A target whose tracks are the pods of a Kubernetes namespace, as deploy/kubernetes describes them."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from deploy.release.errors import ReleaseError, ReleaseRejectedError
from deploy.release.forwards import Forwards
from deploy.release.kubectl import Kubectl
from deploy.release.manifests import COMPONENT, image_override, replay_manifests, shared_manifests, track_manifests
from deploy.release.pods import finished, is_ready, rolled_out, why_not_ready
from deploy.release.replay_log import differences
from deploy.release.sample import Sample, parse_sample
from deploy.release.tracks import Program, Track

#: Seconds for pods to become ready (the image may have to be pulled), to be gone, and for a replay.
READY_S, GONE_S, REPLAY_S = 180.0, 60.0, 600.0
#: Seconds between two looks at pods, and to wait for a metrics page.
POLL_S, SCRAPE_S = 1.0, 2.0
#: Ports of the pods, by program.
PORTS = {Program.EDGE: 6072, Program.WORKER: 6066}
WORKLOADS = {Program.EDGE: "deployment/http", Program.WORKER: "statefulset/worker"}
#: Annotation that stops KEDA and fixes the number of workers.
PAUSED = "autoscaling.keda.sh/paused-replicas"


class KubernetesTarget:
    """Tracks as pods. A track is stopped by scaling it to 0, so what ran there can be started again as it was.

    While a release is watched, KEDA does not scale its workers: their number would change what is compared. It scales
    those of the old track all along.

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
        self._released: Track | None = None
        # How many workers a track had when it was stopped.
        self._stopped_workers: dict[Track, int] = {}

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
        edge = self._workload(track, Program.EDGE)
        return edge and str(edge["spec"]["template"]["spec"]["containers"][0]["image"])

    def running(self, track: Track) -> dict[Program, tuple[int, int]]:
        """See `ReleaseTarget.running`."""
        counts = {}
        for program in WORKLOADS:
            workload = self._workload(track, program) or {"spec": {"replicas": 0}}
            counts[program] = (workload.get("status", {}).get("readyReplicas", 0), workload["spec"]["replicas"])
        return counts

    def replay(self, track: Track, minutes: float, out: Path) -> None:
        """See `Target.replay`."""
        name = f"replay-{track}"
        start_ms = round((time.time() - 60 * minutes) * 1000)
        manifests = track_manifests(self._environment, track, self._images)
        self._kubectl.run("delete", "pod", name, "--ignore-not-found")
        try:
            self._kubectl.apply(replay_manifests(manifests, name, start_ms, REPLAY_S))
            self._until(lambda: finished(self._kubectl.get(f"pod/{name}")), REPLAY_S, lambda: self._reasons(name))
            out.write_bytes(differences(self._kubectl.run("logs", f"pod/{name}")))
        finally:
            self._kubectl.run("delete", "pod", name, "--ignore-not-found", "--wait=false")

    def start(self, track: Track, program: Program) -> None:
        """See `Target.start`."""
        if program is Program.STORES:
            self._start_stores(track)
            return
        workload = f"{WORKLOADS[program]}-{track}"
        if program is Program.WORKER:
            count = self._worker_count(track)
            self._pause_scaling(track, count if track is self._released else None)
            self._kubectl.run("scale", workload, "--replicas", str(count))
        else:
            self._released = track
            if self._images:
                self._kubectl.apply(track_manifests(self._environment, track, self._images))
            else:
                edges = self._replicas(track.other, program) or 1
                self._kubectl.run("scale", workload, "--replicas", str(edges))
        self._wait_ready(workload, f"track={track},{COMPONENT}={program}")

    def stop(self, track: Track, program: Program) -> None:
        """See `Target.stop`. Ledger and archive go on, because the new ones replace them pod by pod."""
        # A release whose manifests could not be applied has no workloads.
        if program is Program.STORES or self._workload(track, program) is None:
            return
        if program is Program.WORKER:
            self._stopped_workers[track] = self._replicas(track, program)
            self._pause_scaling(track, 0)
        self._kubectl.run("scale", f"{WORKLOADS[program]}-{track}", "--replicas", "0")
        selector = f"track={track},{COMPONENT}={program}"
        deadline_s = time.monotonic() + GONE_S
        while pods := self._pods(selector):
            if time.monotonic() > deadline_s:
                raise ReleaseError(f"{len(pods)} pods of {selector} still run after {GONE_S:g} s; delete them by hand")
            time.sleep(POLL_S)
        # The edge of the other track stops last, when a release is over.
        if program is Program.EDGE and self._released is track.other:
            self._pause_scaling(self._released, None)

    def route(self, track: Track) -> None:
        """See `Target.route`. Connections that are open to the other track's edges stay there until they are closed."""
        self._kubectl.patch("service/http", {"spec": {"selector": {"track": str(track)}}})

    def edge_url(self, track: Track) -> str:
        """See `Target.edge_url`."""
        edges = [each for each in self._pods(f"track={track},{COMPONENT}={Program.EDGE}") if is_ready(each)]
        if not edges:
            raise ReleaseError(f"no edge of {track} is ready")
        return self._forwards.url(edges[0]["metadata"]["name"], PORTS[Program.EDGE])

    def instances(self, track: Track) -> int:
        """See `Target.instances`."""
        return sum(self._replicas(track, program) for program in WORKLOADS)

    def samples(self, track: Track) -> list[Sample]:
        """See `Target.samples`."""
        # Both tracks, so that only the ports of pods that are gone are closed.
        pods = self._pods(f"track,{COMPONENT} in ({Program.EDGE},{Program.WORKER})")
        self._forwards.keep([each["metadata"]["name"] for each in pods])
        own = [each for each in pods if each["metadata"]["labels"]["track"] == track]
        with ThreadPoolExecutor(max(len(own), 1)) as threads:
            return [each for each in threads.map(self._sample, own) if each is not None]

    def _sample(self, pod: dict[str, Any]) -> Sample | None:
        name, program = pod["metadata"]["name"], Program(pod["metadata"]["labels"][COMPONENT])
        try:
            url = self._forwards.url(name, PORTS[program]) + "/metrics"
            request = urllib.request.Request(url, headers=dict(self._headers))  # noqa: S310 - a forwarded port
            with urllib.request.urlopen(request, timeout=SCRAPE_S) as page:  # noqa: S310 - the same
                text = page.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                if error.code not in {401, 403}:
                    return None
            # The instance would count as missing, and the release would be rejected for no fault of its own.
            raise ReleaseError(
                f"{name} refuses to show its metrics ({error.code}); use a key with the scope metrics"
            ) from None
        except (OSError, ReleaseError):
            return None
        return parse_sample(name, program, time.monotonic(), text)

    def _start_stores(self, track: Track) -> None:
        # A Job cannot be changed.
        self._kubectl.run("delete", "job", "topics", "--ignore-not-found")
        self._kubectl.apply(shared_manifests(self._environment, track, self._images))
        for name in ("ledger", "archive"):
            self._wait_ready(f"deployment/{name}", f"{COMPONENT}={name}")

    def _worker_count(self, track: Track) -> int:
        """Return how many workers a track starts with: as many as before, or as the other track has.

        Both tracks together have at most as many as there are partitions; a worker without one would not be ready.
        """
        if track in self._stopped_workers:
            return self._stopped_workers[track]
        scaling = self._kubectl.get(f"scaledobject/worker-{track}")
        if scaling is None:
            raise ReleaseError(f"{self._kubectl.namespace} has no ScaledObject worker-{track}; start the edges first")
        limits = scaling["spec"]
        other = self._replicas(track.other, Program.WORKER)
        return int(max(limits["minReplicaCount"], min(other, limits["maxReplicaCount"] - other)))

    def _pause_scaling(self, track: Track, count: int | None) -> None:
        value = None if count is None else str(count)
        self._kubectl.patch(f"scaledobject/worker-{track}", {"metadata": {"annotations": {PAUSED: value}}})

    def _workload(self, track: Track, program: Program) -> Any:
        return self._kubectl.get(f"{WORKLOADS[program]}-{track}")

    def _replicas(self, track: Track, program: Program) -> int:
        workload = self._workload(track, program)
        return int(workload["spec"]["replicas"]) if workload else 0

    def _pods(self, selector: str) -> Sequence[dict[str, Any]]:
        found = self._kubectl.get("pods", "--selector", selector)
        return found["items"] if found else []

    def _reasons(self, name: str) -> str:
        return why_not_ready([self._kubectl.get(f"pod/{name}")])

    def _wait_ready(self, workload: str, selector: str) -> None:
        def ready() -> bool:
            return rolled_out(self._kubectl.get(workload))

        self._until(ready, READY_S, lambda: why_not_ready(self._pods(selector)))

    def _until(self, reached: Callable[[], bool], limit_s: float, reasons: Callable[[], str]) -> None:
        deadline_s = time.monotonic() + limit_s
        while not reached():
            if time.monotonic() > deadline_s:
                raise ReleaseRejectedError(f"not ready within {limit_s:g} s: {reasons()}")
            time.sleep(POLL_S)

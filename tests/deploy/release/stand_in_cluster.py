"""A stand-in cluster for the real kubectl: API server and pods, and `port-forward`, which needs a node."""

import copy
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import msgspec
import pytest

from deploy.release.manifests import SERVING, TRAINING, Resource, shared_manifests, track_manifests
from deploy.release.tracks import Track
from tests.deploy.release.stand_in_api_server import KINDS, StandIn
from tests.deploy.release.stand_in_pod import StandInPod
from tests.support.tool import tool

OLD_IMAGE, NEW_IMAGE = (f"registry.example.com/fraud-stream-serving@sha256:{digit * 64}" for digit in "0f")
REPORT = msgspec.json.format(b'{"model":null,"transactions":1000,"same":1000,"different":0}').decode()
#: Passes everything on to the real kubectl, except the one command that needs a node.
_KUBECTL = """\
#!/bin/sh
for argument in "$@"; do
    if [ "$argument" = port-forward ]; then
        echo "Forwarding from 127.0.0.1:{port} -> 6072"
        exec sleep 600
    fi
done
exec {kubectl} "$@"
"""
_CONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "stand-in",
    "contexts": [{"name": "stand-in", "context": {"cluster": "stand-in", "user": "nobody"}}],
    "users": [{"name": "nobody"}],
}


class StandInCluster:
    """A cluster in which blue serves.

    Attributes:
        api: The API server.
        pod: What every forwarded port leads to.
    """

    def __init__(self, api: StandIn, pod: StandInPod) -> None:
        self.api = api
        self.pod = pod

    def image(self, workload: str) -> str:
        """Return the image of a workload, such as `deployments/http-blue`."""
        plural, _, name = workload.partition("/")
        image: str = self.api.get(plural, name)["spec"]["template"]["spec"]["containers"][0]["image"]
        return image

    def replicas(self, track: Track) -> tuple[int, int]:
        """Return how many edges and workers a track has."""
        edges, workers = self.api.get("deployments", f"http-{track}"), self.api.get("statefulsets", f"worker-{track}")
        return edges["spec"]["replicas"], workers["spec"]["replicas"]

    def ready(self, track: Track) -> int:
        """Return how many workers of a track have a partition."""
        count: int = self.api.get("statefulsets", f"worker-{track}")["status"]["readyReplicas"]
        return count

    def paused(self, track: Track) -> str | None:
        """Return the number of workers at which KEDA is told to keep a track."""
        annotations = self.api.get("scaledobjects", f"worker-{track}")["metadata"].get("annotations", {})
        value: str | None = annotations.get("autoscaling.keda.sh/paused-replicas")
        return value

    @property
    def clients(self) -> str:
        """Track to which clients are sent."""
        track: str = self.api.get("services", "http")["spec"]["selector"]["track"]
        return track


@contextmanager
def stand_in_cluster(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInCluster]:
    """Start a cluster, and let kubectl use it until the context exits."""
    api, pod = StandIn(), StandInPod()
    threads = [Thread(target=each.serve_forever, args=(0.05,)) for each in (api, pod)]
    for thread in threads:
        thread.start()
    kubectl = folder / "bin" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text(_KUBECTL.format(port=pod.server_address[1], kubectl=tool("kubectl")), encoding="utf-8")
    kubectl.chmod(0o755)
    config = folder / "kubeconfig"
    config.write_bytes(
        msgspec.json.encode(_CONFIG | {"clusters": [{"name": "stand-in", "cluster": {"server": api.url}}]})
    )
    monkeypatch.setenv("PATH", f"{kubectl.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(config))
    # kubectl caches what it discovers about a server in the home directory.
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr("deploy.release.workloads.POLL_S", 0.05)
    api.log = REPORT
    yield StandInCluster(api, pod)
    for server in (api, pod):
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join()


def start_blue(api: StandIn, environment: str) -> None:
    """Store what the cluster has before a release: blue with three workers, and what the tracks share."""
    plurals = dict(kind for kinds in KINDS.values() for kind in kinds)
    for resource in copy.deepcopy(_before(environment)):
        if resource["kind"] == "StatefulSet":
            resource["spec"]["replicas"] = 3
        elif resource["kind"] == "ScaledObject":
            api.partitions = resource["spec"]["maxReplicaCount"]
            del resource["metadata"]["annotations"]
        api.store(plurals[resource["kind"]], resource["metadata"]["name"], resource)


@functools.cache
def _before(environment: str) -> list[Resource]:
    images = {SERVING: OLD_IMAGE, TRAINING: OLD_IMAGE}
    return track_manifests(environment, Track.BLUE, images) + shared_manifests(environment, Track.BLUE, images)

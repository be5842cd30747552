"""Releases with the real kubectl on a stand-in API server, because no cluster can be had here."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from deploy.kubernetes.render import FOLDER, OVERLAYS, overlay
from deploy.release.errors import IncompleteError, ReleaseError, ReleaseRejectedError
from deploy.release.journal import Journal
from deploy.release.kubectl import Kubectl
from deploy.release.kubernetes import KubernetesTarget
from deploy.release.limits import read_limits
from deploy.release.manifests import SERVING, TRAINING, track_manifests
from deploy.release.proof import prove
from deploy.release.rollout import Rollout
from deploy.release.tracks import Program, Track
from tests.deploy.release.stand_in_cluster import NEW_IMAGE, OLD_IMAGE, StandInCluster, stand_in_cluster, start_blue
from tests.support.traffic import transaction

pytestmark = pytest.mark.integration  # a release is dozens of calls of kubectl
ENVIRONMENT = "production"
LIMITS = msgspec.structs.replace(
    read_limits(), watch_minutes=0.02, alone_minutes=0.01, interval_s=0.1, warm_up_s=0.1, patience_s=5
)
KEY = {"Authorization": "Bearer frk_0123"}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInCluster]:
    """A stand-in cluster in which the old release serves from blue."""
    with stand_in_cluster(tmp_path, monkeypatch) as running:
        start_blue(running.api, ENVIRONMENT)
        yield running


@pytest.fixture
def target(cluster: StandInCluster) -> Iterator[KubernetesTarget]:  # noqa: ARG001 - kubectl uses it
    """The target of the new release."""
    opened = KubernetesTarget(ENVIRONMENT, {SERVING: NEW_IMAGE}, KEY)
    yield opened
    opened.close()


def _rollout(target: KubernetesTarget, new: Track, lines: list[str]) -> Rollout:
    journal = Journal(lines.append)
    return Rollout(target, new, LIMITS, transactions=[transaction(1)], headers=KEY, journal=journal)


def test_a_release_takes_over_on_a_stand_in_and_returns(cluster: StandInCluster, target: KubernetesTarget) -> None:
    """Green serves with the new image, blue is scaled to 0; a rollback starts blue again as it was."""
    assert target.serving() is Track.BLUE
    lines: list[str] = []
    _rollout(target, Track.GREEN, lines).deploy()
    assert cluster.clients == "green"
    assert cluster.replicas(Track.GREEN) == (3, 3)
    assert cluster.replicas(Track.BLUE) == (0, 0)
    # KEDA scales green again, and leaves blue alone.
    assert (cluster.paused(Track.GREEN), cluster.paused(Track.BLUE)) == (None, "0")
    for workload in ("deployments/http-green", "statefulsets/worker-green", "deployments/ledger"):
        assert cluster.image(workload) == NEW_IMAGE
    # The archive has the training image, which this release leaves as it is.
    assert cluster.image("deployments/archive") == OLD_IMAGE
    assert "all 1,000 decisions are the same" in lines[0]
    assert "replay-green" not in cluster.api.names("pods")
    assert cluster.pod.keys == {KEY["Authorization"]}

    back = KubernetesTarget(ENVIRONMENT, {}, KEY)
    assert back.release(Track.BLUE) == OLD_IMAGE
    _rollout(back, Track.BLUE, lines).restore()
    back.close()
    assert (cluster.clients, cluster.image("deployments/http-blue")) == ("blue", OLD_IMAGE)
    assert (cluster.replicas(Track.BLUE), cluster.replicas(Track.GREEN)) == ((3, 3), (0, 0))
    assert (cluster.paused(Track.BLUE), cluster.paused(Track.GREEN)) == (None, "0")
    # The stores read what both releases write.
    assert cluster.image("deployments/ledger") == NEW_IMAGE


def test_no_worker_starts_before_the_edge_is_tested(cluster: StandInCluster, target: KubernetesTarget) -> None:
    """Green's workers are applied with 0 replicas, and KEDA is told to leave it at that."""
    target.start(Track.GREEN, Program.EDGE)
    assert cluster.replicas(Track.GREEN) == (3, 0)
    assert cluster.paused(Track.GREEN) == "0"
    assert cluster.clients == "blue"
    target.start(Track.GREEN, Program.WORKER)
    assert (cluster.replicas(Track.GREEN), cluster.paused(Track.GREEN)) == ((3, 3), "3")
    assert target.instances(Track.GREEN) == 6
    assert len(target.samples(Track.GREEN)) == 6


def test_stores_are_replaced_with_clients_where_they_are(cluster: StandInCluster, target: KubernetesTarget) -> None:
    """The manifests name blue; applying them during a release must not send the clients back."""
    target.route(Track.GREEN)
    target.start(Track.GREEN, Program.STORES)
    assert cluster.clients == "green"
    assert "DELETE jobs/topics" in cluster.api.requests
    # Retraining has no image in this release, so it is left alone.
    assert not any(request.endswith("deployments/watch") for request in cluster.api.requests)


@pytest.mark.parametrize(
    ("broken", "images", "reason"),
    [
        ("topics", {}, "job/topics was not complete within 0.3 s: .*CrashLoopBackOff"),
        ("watch", {TRAINING: NEW_IMAGE}, "deployment/watch was not ready within 0.3 s: .*CrashLoopBackOff"),
        ("archive", {TRAINING: NEW_IMAGE}, "deployment/archive was not ready within 0.3 s: .*CrashLoopBackOff"),
    ],
    ids=["topics", "watch", "archive"],
)
def test_a_shared_program_that_fails_makes_the_release_incomplete(
    cluster: StandInCluster, monkeypatch: pytest.MonkeyPatch, broken: str, images: dict[str, str], reason: str
) -> None:
    """Everything that is applied last is waited for, and what is left as it was is not."""
    monkeypatch.setattr("deploy.release.workloads.READY_S", 0.3)
    cluster.api.broken[broken] = {"reason": "CrashLoopBackOff"}
    if images:
        with closing(KubernetesTarget(ENVIRONMENT, {SERVING: NEW_IMAGE}, KEY)) as without_training:
            without_training.start(Track.GREEN, Program.STORES)
    with (
        closing(KubernetesTarget(ENVIRONMENT, {SERVING: NEW_IMAGE} | images, KEY)) as released,
        pytest.raises(ReleaseRejectedError, match=reason),
    ):
        released.start(Track.GREEN, Program.STORES)


def test_an_edge_that_never_gets_ready_is_rolled_back(
    cluster: StandInCluster, target: KubernetesTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says why, clients stay on blue, and green is scaled to 0."""
    monkeypatch.setattr("deploy.release.workloads.READY_S", 0.3)
    cluster.api.broken["http-green"] = {"reason": "ImagePullBackOff", "message": "no such image"}
    with pytest.raises(ReleaseRejectedError, match=r"not ready within 0.3 s: 0 of 3 pods .*ImagePullBackOff: no such"):
        _rollout(target, Track.GREEN, []).deploy()
    assert (cluster.clients, cluster.replicas(Track.GREEN), cluster.replicas(Track.BLUE)) == ("blue", (0, 0), (3, 3))


def test_workers_that_never_get_ready_are_rolled_back(
    cluster: StandInCluster, target: KubernetesTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients return to blue, whose workers have been running all along."""
    monkeypatch.setattr("deploy.release.workloads.READY_S", 0.3)
    cluster.api.broken["worker-green"] = {"reason": "CrashLoopBackOff"}
    lines: list[str] = []
    with pytest.raises(ReleaseRejectedError, match="CrashLoopBackOff"):
        _rollout(target, Track.GREEN, lines).deploy()
    assert (cluster.clients, cluster.replicas(Track.GREEN), cluster.replicas(Track.BLUE)) == ("blue", (0, 0), (3, 3))
    assert cluster.paused(Track.GREEN) == "0"
    assert sum("roll back" in line for line in lines) == 2


def test_a_refused_patch_leaves_work_for_a_person(cluster: StandInCluster, target: KubernetesTarget) -> None:
    """Without the right to move clients, they may be on green: its edges go on, and the error says what is left."""
    cluster.api.refused["PATCH services/http"] = "services is forbidden: cannot patch"
    with pytest.raises(IncompleteError, match=r"finish it by hand: kubectl patch service/http .*cannot patch"):
        _rollout(target, Track.GREEN, []).deploy()
    assert (cluster.clients, cluster.replicas(Track.GREEN)) == ("blue", (3, 0))


def test_a_refused_apply_changes_nothing(cluster: StandInCluster, target: KubernetesTarget) -> None:
    """The replay comes first: what may not be applied fails before anything of the release runs."""
    cluster.api.refused["PATCH pods/replay-green"] = "pods is forbidden: exceeded quota"
    with pytest.raises(ReleaseError, match="exceeded quota"):
        _rollout(target, Track.GREEN, []).deploy()
    assert not any("http" in request or "worker" in request for request in cluster.api.requests)


def test_what_is_applied_last_is_rendered_first(
    cluster: StandInCluster, target: KubernetesTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An overlay whose shared part cannot be rendered fails before anything has changed."""
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    monkeypatch.setattr("deploy.kubernetes.render.FOLDER", tmp_path / "kubernetes")
    (overlay(ENVIRONMENT, "shared") / "namespace.yaml").unlink()
    with pytest.raises(ReleaseError, match="cannot be rendered"):
        _rollout(target, Track.GREEN, []).deploy()
    assert cluster.api.requests == []


def test_differences_reach_the_release(cluster: StandInCluster, target: KubernetesTarget) -> None:
    """What the pod prints is what `fraud-stream replay --out` would write."""
    line = (
        '{"transaction_id":"1","source_topic":"t","source_partition":0,"source_offset":7,"fields":{"score":[0.1,0.2]}}'
    )
    report = msgspec.json.format(b'{"model":null,"transactions":1000,"same":999,"different":1}').decode()
    cluster.api.log = f'{{"level":"info","event":"connected"}}\n{line}\n{report}\n'
    with pytest.raises(ReleaseRejectedError, match=r"1 of 1,000 decisions differ \(score in 1\)"):
        prove(target, Track.GREEN, LIMITS)
    cluster.api.log = "connecting\nno broker responds at kafka:9093\n"
    with pytest.raises(ReleaseRejectedError, match="the replay failed: no broker responds"):
        prove(target, Track.GREEN, LIMITS)


@pytest.mark.parametrize(
    ("blue", "green", "beside"),
    [(2, 3, 2), (5, 5, 5), (8, 6, 6), (12, 6, 6)],
    ids=["at least the minimum", "as many", "blue makes room", "KEDA has added all it can"],
)
def test_both_tracks_share_the_partitions(
    cluster: StandInCluster, target: KubernetesTarget, blue: int, green: int, beside: int
) -> None:
    """Green must carry blue's load; both together have at most one worker for each of the 12 partitions."""
    target.start(Track.GREEN, Program.EDGE)
    Kubectl("fraud-production").run("scale", "statefulset/worker-blue", "--replicas", str(blue))
    target.start(Track.GREEN, Program.WORKER)
    assert (cluster.replicas(Track.GREEN)[1], cluster.replicas(Track.BLUE)[1]) == (green, beside)
    # KEDA adds none while both decide.
    assert (cluster.paused(Track.GREEN), cluster.paused(Track.BLUE)) == (str(green), str(beside))
    target.stop(Track.BLUE, Program.WORKER)
    alone = max(blue, 3)
    assert (cluster.replicas(Track.GREEN)[1], cluster.replicas(Track.BLUE)[1]) == (alone, 0)
    assert cluster.ready(Track.GREEN) == alone

    # The way back: green makes room, then blue is as before, and KEDA's again.
    target.start(Track.BLUE, Program.WORKER)
    assert cluster.ready(Track.BLUE) == beside
    target.stop(Track.GREEN, Program.WORKER)
    assert (cluster.ready(Track.BLUE), cluster.paused(Track.BLUE)) == (blue, None)
    assert (cluster.ready(Track.GREEN), cluster.paused(Track.GREEN)) == (0, "0")


def test_workers_that_never_get_ready_give_blue_its_partitions_back(
    cluster: StandInCluster, target: KubernetesTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blue has as many workers as before, though it made room for green's."""
    monkeypatch.setattr("deploy.release.workloads.READY_S", 0.3)
    Kubectl("fraud-production").run("scale", "statefulset/worker-blue", "--replicas", "12")
    cluster.api.broken["worker-green"] = {"reason": "CrashLoopBackOff"}
    with pytest.raises(ReleaseRejectedError, match="statefulset/worker-green was not ready"):
        _rollout(target, Track.GREEN, []).deploy()
    assert (cluster.ready(Track.BLUE), cluster.paused(Track.BLUE)) == (12, None)
    assert cluster.replicas(Track.GREEN) == (0, 0)


def test_one_partition_cannot_be_shared(cluster: StandInCluster, target: KubernetesTarget) -> None:
    """The release fails before it changes blue, and says what to do."""
    target.start(Track.GREEN, Program.EDGE)
    Kubectl("fraud-production").patch("scaledobject/worker-green", {"spec": {"maxReplicaCount": 1}})
    with pytest.raises(ReleaseError, match=r"maxReplicaCount of worker-green is 1, .* use at least two partitions"):
        target.start(Track.GREEN, Program.WORKER)
    assert (cluster.replicas(Track.BLUE), cluster.paused(Track.BLUE)) == ((3, 3), None)


def test_a_key_without_the_scope_is_no_fault_of_the_release(cluster: StandInCluster, target: KubernetesTarget) -> None:
    """An instance that refuses its metrics is an error of its own; one that does not respond is left out."""
    cluster.pod.metrics_status = 503
    assert target.samples(Track.BLUE) == []
    cluster.pod.metrics_status = 403
    with pytest.raises(ReleaseError, match=r"refuses to show its metrics \(403\); use a key with the scope metrics"):
        target.samples(Track.BLUE)


def test_an_environment_that_was_never_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first deployment is made by hand, and the error says so."""
    with stand_in_cluster(tmp_path, monkeypatch):
        empty = KubernetesTarget(ENVIRONMENT, {}, {})
        with pytest.raises(ReleaseError, match="fraud-production has no Service http; apply the overlay once"):
            empty.serving()
        assert empty.release(Track.GREEN) is None
        assert empty.running(Track.GREEN) == {Program.EDGE: (0, 0), Program.WORKER: (0, 0)}


@pytest.mark.parametrize("environment", OVERLAYS)
def test_the_namespace_is_that_of_the_overlay(environment: str) -> None:
    """The target finds by name what the manifests create."""
    for resource in track_manifests(environment, Track.GREEN, {SERVING: NEW_IMAGE}):
        assert resource["metadata"]["namespace"] == KubernetesTarget(environment, {}, {})._kubectl.namespace

"""The manifests of a release: its own images, and a pod that decides transactions again."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.kubernetes.render import FOLDER, OVERLAYS, overlay, render, resources
from deploy.kubernetes.validation import VERSIONS, problem
from deploy.release.errors import ReleaseError
from deploy.release.manifests import (
    COMPONENT,
    OF_TRAINING_IMAGE,
    SERVING,
    TRAINING,
    WORKLOADS,
    Resource,
    image_override,
    replay_manifests,
    set_image,
    shared_manifests,
    track_manifests,
)
from deploy.release.tracks import Track
from tests.support.tool import tool

DIGEST = "sha256:" + "0f" * 32
IMAGES = {SERVING: f"registry.example.com:5000/team/serving@{DIGEST}", TRAINING: DIGEST}


@pytest.fixture(scope="module")
def green() -> list[Resource]:
    """The manifests of green in production."""
    tool("kubectl")
    return track_manifests("production", Track.GREEN, IMAGES)


def _images(resources: list[Resource]) -> set[str]:
    pods = [each["spec"]["template"]["spec"] for each in resources if "template" in each.get("spec", {})]
    return {container["image"] for pod in pods for container in pod["containers"]}


@pytest.mark.parametrize("reference", ["fraud:1.0", "fraud@sha256:12", DIGEST.upper(), f"a b@{DIGEST}", f"@{DIGEST}"])
def test_an_image_without_a_digest_is_refused(reference: str) -> None:
    """A tag can move; a release runs exactly what was tested."""
    with pytest.raises(ReleaseError, match="names no image by digest"):
        image_override(SERVING, reference)


def test_a_digest_alone_keeps_the_name(green: list[Resource]) -> None:
    """With a name, the image is pulled from there."""
    assert image_override(SERVING, DIGEST) == {"name": SERVING, "digest": DIGEST}
    assert _images(green) == {IMAGES[SERVING]}


def test_the_shared_part_has_clients_where_they_are_and_both_images() -> None:
    """It contains no namespace, and `watch` and the archive only with an image for them."""
    tool("kubectl")
    shared = shared_manifests("production", Track.GREEN, IMAGES)
    (service,) = (each for each in shared if (each["kind"], each["metadata"]["name"]) == ("Service", "http"))
    assert service["spec"]["selector"]["track"] == "green"
    assert _images(shared) == {IMAGES[SERVING], f"{TRAINING}@{DIGEST}"}
    assert "Namespace" not in {each["kind"] for each in shared}
    without = shared_manifests("production", Track.GREEN, {SERVING: DIGEST})
    assert len(without) == len(shared) - 2
    assert _images(without) == {f"{SERVING}@{DIGEST}"}


@pytest.mark.parametrize("environment", OVERLAYS)
def test_the_replay_pod_is_valid_and_as_restricted_as_a_worker(environment: str) -> None:
    """Kubernetes' schemas accept it, and the namespace's restricted profile finds what it finds in the workers."""
    tool("kubectl")
    track = track_manifests(environment, Track.GREEN, IMAGES)
    *settings, pod = replay_manifests(track, "replay-green", 1_764_504_000_000, 600)
    assert [problem(pod, version) for version in VERSIONS] == [None] * len(VERSIONS)
    assert [each["kind"] for each in settings] == ["ConfigMap"]
    (container,) = pod["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": settings[0]["metadata"]["name"]}}]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert container["args"][:2] == ["fraud-stream", "replay"]
    assert "command" not in container


def test_nothing_takes_the_replay_pod_for_a_worker(green: list[Resource]) -> None:
    """No selector of the track matches its labels, but the network policies of all programs do."""
    labels = replay_manifests(green, "replay-green", 0, 600)[-1]["metadata"]["labels"]
    for each in green:
        selector: dict[str, Any] = each.get("spec", {}).get("selector", {})
        wanted = selector.get("matchLabels", selector)
        assert not wanted or not wanted.items() <= labels.items()
    assert labels[COMPONENT] == "replay"
    assert labels["app.kubernetes.io/part-of"] == "fraud-stream"


def test_the_replay_pod_connects_to_kafka_as_a_user_that_writes_nothing(green: list[Resource]) -> None:
    """The worker's password is not in it."""
    secrets = {
        each["valueFrom"]["secretKeyRef"]["name"]
        for each in replay_manifests(green, "replay-green", 0, 600)[-1]["spec"]["containers"][0]["env"]
        if "secretKeyRef" in each.get("valueFrom", {})
    }
    assert secrets == {"kafka-replay"}
    (worker,) = (each for each in green if each["kind"] == "StatefulSet")
    assert "kafka-worker" in str(worker), "the worker's own manifest was changed"


@pytest.fixture
def renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Production with images of the team's own registry, as deploy-kubernetes.md describes it."""
    tool("kubectl")
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    monkeypatch.setattr("deploy.kubernetes.render.FOLDER", tmp_path / "kubernetes")
    file = overlay("production", "environment") / "kustomization.yaml"
    content = yaml.safe_load(file.read_text("utf-8"))
    for image in content["images"]:
        image["newName"] = f"registry.example.com:5000/first/{image['name']}"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")


@pytest.mark.usefixtures("renamed")
def test_a_release_replaces_images_that_the_overlay_renames() -> None:
    """Its digest is what runs, whatever name and tag the overlay was set up with; a digest alone keeps that name."""
    first = "registry.example.com:5000/first"
    assert _images(track_manifests("production", Track.GREEN, IMAGES)) == {IMAGES[SERVING]}
    assert _images(track_manifests("production", Track.GREEN, {SERVING: DIGEST})) == {f"{first}/{SERVING}@{DIGEST}"}
    shared = shared_manifests("production", Track.GREEN, IMAGES)
    assert _images(shared) == {IMAGES[SERVING], f"{first}/{TRAINING}@{DIGEST}"}


def test_an_image_is_replaced_by_its_container(green: list[Resource]) -> None:
    """Other containers that a team adds keep their images, except those of the same image, such as a preparation."""
    (worker,) = (each for each in copy.deepcopy(green) if each["kind"] == "StatefulSet")
    pod = worker["spec"]["template"]["spec"]
    main = pod["containers"][0]["image"]
    pod["containers"].insert(0, {"name": "proxy", "image": "proxy:1.0"})
    pod["initContainers"] = [{"name": "prepare", "image": main}]
    set_image(worker, {SERVING: f"new@{DIGEST}"})
    images = [each["image"] for each in (*pod["initContainers"], *pod["containers"])]
    assert images == [f"new@{DIGEST}", "proxy:1.0", f"new@{DIGEST}"]
    pod["containers"].pop()
    with pytest.raises(ReleaseError, match="StatefulSet worker-green has no container worker"):
        set_image(worker, {SERVING: DIGEST})


def test_the_programs_of_each_image_are_those_of_the_base() -> None:
    """A release sets images by program, so a program that moves to the other image must be moved here too."""
    tool("kubectl")
    for part in ("shared", *Track):
        for each in resources(render(overlay("production", part))):
            if each["kind"] in WORKLOADS:
                (container,) = each["spec"]["template"]["spec"]["containers"]
                name = TRAINING if container["name"] in OF_TRAINING_IMAGE else SERVING
                assert container["image"].startswith(f"{name}:")


@pytest.mark.usefixtures("renamed")
def test_manifests_that_cannot_be_rendered_are_an_error_of_the_release() -> None:
    """The release stops as for any other reason, so what it has done is undone and recorded."""
    (overlay("production", "shared") / "namespace.yaml").unlink()
    with pytest.raises(ReleaseError, match=r"cannot be rendered: .*namespace.yaml"):
        shared_manifests("production", Track.GREEN, IMAGES)

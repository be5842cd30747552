"""The manifests of one release: an overlay's parts with the release's images."""

import copy
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from deploy.kubernetes.render import FOLDER, overlay, render, resources
from deploy.release.errors import ReleaseError
from deploy.release.tracks import Program, Track
from schemas.errors import FraudError

SERVING, TRAINING = "fraud-stream-serving", "fraud-stream-training"
#: Programs that run in the training image; all others run in the serving image.
OF_TRAINING_IMAGE = {"archive", "watch"}
WORKLOADS = {"Deployment", "Job", "StatefulSet"}
COMPONENT = "app.kubernetes.io/component"
#: Secret with the user on Kafka that replays decisions: it reads what `fraud-stream replay` reads, and writes nothing.
REPLAY_SECRET = "kafka-replay"  # noqa: S105 - the name of a Secret
#: Tag and digest of an image; a colon before the last slash belongs to a port.
_VERSION = re.compile(r"(:[^/@]+)?(@.+)?$")
_IMAGE = re.compile(r"(?:(?P<name>[\w.:/-]+)@)?(?P<digest>sha256:[0-9a-f]{64})")

Resource = dict[str, Any]


def image_override(name: str, reference: str) -> dict[str, str]:
    """Return what replaces an image, written as in a kustomization.

    Args:
        name: Name of the image in the base.
        reference: `sha256:…`, or `NAME@sha256:…` to pull it under another name.

    Raises:
        ReleaseError: If the reference has no digest.
    """
    match = _IMAGE.fullmatch(reference)
    if match is None:
        raise ReleaseError(f"{reference!r} names no image by digest; write [NAME@]sha256:… with 64 hexadecimal digits")
    renamed = {"newName": match["name"]} if match["name"] else {}
    return {"name": name, **renamed, "digest": match["digest"]}


def track_manifests(environment: str, track: Track, images: Mapping[str, str]) -> list[Resource]:
    """Return a track's resources, without workers.

    Args:
        environment: Name of the overlay.
        track: The track.
        images: Reference by image name; see `image_override`.

    Raises:
        ReleaseError: If the manifests cannot be rendered, or an image has no digest.
    """
    rendered = _render(overlay(environment, track), FOLDER / "base" / "without-workers")
    for each in rendered:
        set_image(each, images)
    return rendered


def shared_manifests(environment: str, track: Track, images: Mapping[str, str]) -> list[Resource]:
    """Return what the tracks share, with clients on one of them.

    The namespace is left out, because it exists and changing it needs more rights than a release has; so are `watch`
    and the archive if there is no training image.

    Raises:
        ReleaseError: If the manifests cannot be rendered, or an image has no digest.
    """
    kept = []
    for each in _render(overlay(environment, "shared")):
        name = each["metadata"]["name"]
        is_training = each["kind"] == "Deployment" and name in OF_TRAINING_IMAGE
        if each["kind"] == "Namespace" or (is_training and TRAINING not in images):
            continue
        if (each["kind"], name) == ("Service", "http"):
            each["spec"]["selector"]["track"] = str(track)
        set_image(each, images)
        kept.append(each)
    return kept


def set_image(resource: Resource, images: Mapping[str, str]) -> None:
    """Let a workload run a release's image; other resources stay as they are.

    Kustomize would find an image by its name, which an overlay may have changed. Here, it is that of the container with
    the program's name.

    Args:
        resource: The resource, which is changed.
        images: Reference by image name; see `image_override`.

    Raises:
        ReleaseError: If the workload has no container of its program, or the image has no digest.
    """
    if resource["kind"] not in WORKLOADS:
        return
    template = resource["spec"]["template"]
    program, pod = template["metadata"]["labels"][COMPONENT], template["spec"]
    container = next((each for each in pod["containers"] if each["name"] == program), None)
    if container is None:
        raise ReleaseError(
            f"{resource['kind']} {resource['metadata']['name']} has no container {program}; give it that name"
        )
    name = TRAINING if program in OF_TRAINING_IMAGE else SERVING
    override, current = image_override(name, images[name]), container["image"]
    released = f"{override.get('newName', _VERSION.sub('', current))}@{override['digest']}"
    for each in (*pod.get("initContainers", ()), *pod["containers"]):
        if each["image"] == current:
            each["image"] = released


def replay_manifests(track: Sequence[Resource], name: str, start_ms: int, limit_s: float) -> list[Resource]:
    """Return a pod that decides transactions again with a track's image and settings, and the settings.

    The pod prints the decisions that differ before the report, and needs no shell for it. Its labels are not those of a
    worker, so that no Service, disruption budget or StatefulSet counts it.

    Args:
        track: The track's resources.
        name: Name of the pod.
        start_ms: Time of the oldest transaction, in UTC milliseconds.
        limit_s: Seconds after which Kubernetes ends the pod.
    """
    (worker,) = (each for each in track if each["kind"] == "StatefulSet")
    spec: Resource = copy.deepcopy(worker["spec"]["template"]["spec"])
    spec.pop("topologySpreadConstraints")
    spec |= {"restartPolicy": "Never", "activeDeadlineSeconds": round(limit_s)}
    (container,) = spec["containers"] = [each for each in spec["containers"] if each["name"] == str(Program.WORKER)]
    for key in ("ports", "startupProbe", "livenessProbe", "readinessProbe"):
        del container[key]
    container["name"] = "replay"
    container["args"] = ["fraud-stream", "replay", "--from", str(start_ms), "--out", "/dev/stdout"]
    for variable in container["env"]:
        secret = variable.get("valueFrom", {}).get("secretKeyRef", {})
        if secret.get("name") == "kafka-worker":
            secret["name"] = REPLAY_SECRET
    labels = worker["spec"]["template"]["metadata"]["labels"] | {COMPONENT: "replay"}
    metadata = {"name": name, "namespace": worker["metadata"]["namespace"], "labels": labels}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return [*(each for each in track if each["kind"] == "ConfigMap"), pod]


def _render(folder: Path, *components: Path) -> list[Resource]:
    with tempfile.TemporaryDirectory(prefix="fraud-release-") as directory:
        here = Path(directory).resolve()
        # Kustomize accepts relative paths only.
        content = {
            "resources": [os.path.relpath(folder, here)],
            "components": [os.path.relpath(each, here) for each in components],
        }
        (here / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        try:
            return resources(render(here))
        except FraudError as error:
            raise ReleaseError(str(error)) from None

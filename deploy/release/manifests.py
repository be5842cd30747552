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
from deploy.release.tracks import Track

SERVING, TRAINING = "fraud-stream-serving", "fraud-stream-training"
#: Deployments of the training image.
OF_TRAINING_IMAGE = {"archive", "watch"}
COMPONENT = "app.kubernetes.io/component"
#: Secret with the user on Kafka that replays decisions: it reads what `fraud-stream replay` reads, and writes nothing.
REPLAY_SECRET = "kafka-replay"  # noqa: S105 - the name of a Secret
_IMAGE = re.compile(r"(?:(?P<name>[\w.:/-]+)@)?(?P<digest>sha256:[0-9a-f]{64})")

Resource = dict[str, Any]


def image_override(name: str, reference: str) -> dict[str, str]:
    """Return kustomize's entry for an image.

    Args:
        name: Name of the image in the manifests.
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
        FraudError: If the manifests cannot be rendered.
    """
    return _render(overlay(environment, track), images, FOLDER / "base" / "without-workers")


def shared_manifests(environment: str, track: Track, images: Mapping[str, str]) -> list[Resource]:
    """Return what the tracks share, with clients on one of them.

    The namespace is left out, because it exists and changing it needs more rights than a release has; so are `watch`
    and the archive if there is no training image.

    Raises:
        FraudError: If the manifests cannot be rendered.
    """
    kept = []
    for each in _render(overlay(environment, "shared"), images):
        name = each["metadata"]["name"]
        is_training = each["kind"] == "Deployment" and name in OF_TRAINING_IMAGE
        if each["kind"] == "Namespace" or (is_training and TRAINING not in images):
            continue
        if (each["kind"], name) == ("Service", "http"):
            each["spec"]["selector"]["track"] = str(track)
        kept.append(each)
    return kept


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
    (container,) = spec["containers"]
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


def _render(folder: Path, images: Mapping[str, str], *components: Path) -> list[Resource]:
    with tempfile.TemporaryDirectory(prefix="fraud-release-") as directory:
        here = Path(directory).resolve()
        # Kustomize accepts relative paths only.
        content = {
            "resources": [os.path.relpath(folder, here)],
            "components": [os.path.relpath(each, here) for each in components],
            "images": [image_override(name, reference) for name, reference in images.items()],
        }
        (here / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return resources(render(here))

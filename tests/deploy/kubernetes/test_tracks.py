"""Blue and green run side by side: nothing is shared but the group, and the client's Service selects one of them."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.kubernetes.render import FOLDER, OVERLAYS, overlay, render
from tests.deploy.kubernetes.rendered import COMPONENT, TRACKS, Manifests, manifests
from tests.support.tool import tool


def _selected(selector: dict[str, str], rendered: Manifests) -> list[str]:
    return [each.name for each in rendered.workloads if selector.items() <= each.labels.items()]


@pytest.fixture(params=OVERLAYS)
def environment(request: pytest.FixtureRequest) -> str:
    """Name of an environment."""
    name: str = request.param
    return name


def test_tracks_share_no_name(environment: str) -> None:
    """Applying green changes nothing that blue or the shared part uses."""
    parts = [manifests(environment, part) for part in ("shared", *TRACKS)]
    names = [(each["kind"], each["metadata"]["name"]) for part in parts for each in part.resources]
    assert len(names) == len(set(names))
    assert {each["metadata"]["labels"]["track"] for each in parts[2].resources} == {"green"}


def test_tracks_are_alike(environment: str) -> None:
    """Green is blue with another name, so what was tested on green is what decides afterwards."""
    blue, green = (manifests(environment, track).resources for track in TRACKS)
    as_blue = yaml.safe_dump_all(green).replace("green", "blue")
    assert as_blue == yaml.safe_dump_all(blue)


def test_selectors_select_pods_of_their_own_track(environment: str) -> None:
    """Services, budgets and workloads of a track select its pods only; the parts are those of the whole environment."""
    whole = Manifests("---\n".join(manifests(environment, part).text for part in ("shared", *TRACKS)))
    for track in TRACKS:
        rendered = manifests(environment, track)
        for component, kind in (("worker", "StatefulSet"), ("http", "Deployment")):
            name = f"{component}-{track}"
            workload = rendered.one(kind, name)
            assert _selected(workload["spec"]["selector"]["matchLabels"], whole) == [name]
            assert _selected(rendered.one("Service", name)["spec"]["selector"], whole) == [name]
    for component in ("ledger", "archive"):
        assert _selected(whole.one("Service", component)["spec"]["selector"], whole) == [component]


def test_clients_are_sent_to_the_live_track(environment: str) -> None:
    """The overlay contains the live track, and the clients' Service selects its edges."""
    rendered = manifests(environment)
    live = {each.labels["track"] for each in rendered.workloads if "track" in each.labels}
    assert live == {"blue"}
    service = rendered.one("Service", "http")
    assert service["spec"]["selector"] == {COMPONENT: "http", "track": "blue"}
    assert _selected(service["spec"]["selector"], rendered) == ["http-blue"]


def test_one_word_makes_the_other_track_live(environment: str, tmp_path: Path) -> None:
    """With green in the overlay, the clients' Service follows."""
    tool("kubectl")
    text = (overlay(environment) / "kustomization.yaml").read_text("utf-8")
    assert "resources: [shared, blue]" in text
    _kustomization(tmp_path, environment, yaml.safe_load(text) | {"resources": ["shared", "green"]})
    rendered = Manifests(render(tmp_path))
    assert rendered.one("Service", "http")["spec"]["selector"]["track"] == "green"
    assert {each["metadata"]["name"] for each in rendered.of("StatefulSet")} == {"worker-green"}


def _kustomization(folder: Path, environment: str, content: dict[str, Any]) -> None:
    """Write a kustomization whose resources are parts of an environment; kustomize accepts relative paths only."""
    parts = [os.path.relpath(overlay(environment, part), folder.resolve()) for part in content["resources"]]
    text = yaml.safe_dump(content | {"resources": parts})
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")


def test_a_release_starts_a_track_without_workers(environment: str, tmp_path: Path) -> None:
    """A release runs its own image by digest, and no worker joins the group before the edges have been tested."""
    tool("kubectl")
    digest = "sha256:" + "ab" * 32
    component = os.path.relpath(FOLDER / "base" / "without-workers", tmp_path.resolve())
    images = [{"name": "fraud-stream-serving", "digest": digest}]
    _kustomization(tmp_path, environment, {"resources": ["green"], "components": [component], "images": images})
    rendered = Manifests(render(tmp_path))
    assert {each.container["image"] for each in rendered.workloads} == {f"fraud-stream-serving@{digest}"}
    assert rendered.one("StatefulSet", "worker-green")["spec"]["replicas"] == 0
    annotations = rendered.one("ScaledObject", "worker-green")["metadata"]["annotations"]
    assert annotations == {"autoscaling.keda.sh/paused-replicas": "0"}
    assert rendered.one("Deployment", "http-green")["spec"]["replicas"] > 1


def test_tracks_join_one_group_in_slots_of_their_own(environment: str) -> None:
    """Both tracks share the partitions of one consumer group, and no worker fences another track's transactions."""
    workers = [manifests(environment, track).workload("worker") for track in TRACKS]
    assert len({each.settings.kafka.group for each in workers}) == 1
    assert [each.settings.kafka.slot for each in workers] == ["worker-blue-0", "worker-green-0"]


def test_each_track_has_its_own_settings(environment: str) -> None:
    """A release with a new setting, which an older program rejects, does not change the older track's settings."""
    names = [
        each["configMapRef"]["name"].rpartition("-")[0]
        for part in TRACKS
        for workload in manifests(environment, part).workloads
        for each in workload.container["envFrom"]
    ]
    assert names == ["settings-blue", "settings-blue", "settings-green", "settings-green"]
    shared = manifests(environment, "shared").workload("ledger")
    assert shared.container["envFrom"][0]["configMapRef"]["name"].rpartition("-")[0] == "settings"

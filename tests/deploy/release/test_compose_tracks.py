"""The services of a release, made from docker-compose.yml."""

from typing import Any

import pytest

from deploy.release.compose_tracks import ORIGINALS, SHARED, ports_of, shared_services, track_services
from deploy.release.errors import ReleaseError
from deploy.release.manifests import SERVING, TRAINING
from deploy.release.tracks import Program, Track
from tests.deploy.compose import SERVICES

IMAGE = "stream@sha256:a"


def _green(service: str) -> dict[str, Any]:
    return track_services(SERVICES, Track.GREEN, IMAGE, workers=1)[f"{service}-green-0"]


def test_each_track_has_an_edge_and_workers() -> None:
    """Slots and ports are unique among both tracks."""
    services = {k: v for track in Track for k, v in track_services(SERVICES, track, IMAGE, workers=2).items()}
    assert services.keys() == {
        f"{name}-{track}{number}"
        for track in Track
        for name, number in (("http", "-0"), ("worker", "-0"), ("worker", "-1"))
    }
    slots = [each["environment"]["FRAUD_KAFKA_SLOT"] for each in services.values()]
    ports = [port for track in Track for program in ORIGINALS for port in ports_of(services, track, program).values()]
    assert len(set(slots)) == len(set(ports)) == len(services) == 6
    assert ports_of(services, Track.GREEN, Program.WORKER) == {"worker-green-0": 27_066, "worker-green-1": 27_166}


@pytest.mark.parametrize(("service", "port"), ORIGINALS.values())
def test_a_track_is_configured_and_locked_down_as_the_original(service: str, port: int) -> None:
    """Everything but image, slot, ports, profile and start order is what docker-compose.yml says."""
    original, copied = SERVICES[service], _green(service)
    changed = {"image", "environment", "ports", "networks"}
    assert {k: v for k, v in copied.items() if k not in changed} == {
        k: v for k, v in original.items() if k not in {*changed, "profiles", "build", "depends_on"}
    }
    assert copied["image"] == IMAGE
    assert copied["environment"] == original["environment"] | {"FRAUD_KAFKA_SLOT": f"{service}-green-0"}
    assert copied["ports"][0].startswith("127.0.0.1:")
    assert copied["ports"][0].endswith(f":{port}")


@pytest.mark.parametrize("service", ["http", "worker"])
def test_prometheus_finds_all_instances_under_the_name_of_the_original(service: str) -> None:
    """It looks the name up in a network that both are in."""
    networks = _green(service)["networks"]
    assert networks == {name: {"aliases": [service]} for name in SERVICES[service]["networks"]}
    assert networks.keys() & set(SERVICES["prometheus"]["networks"])


def test_other_services_get_the_images_of_a_final_release() -> None:
    """Only the image is replaced, and only of services that run that image in docker-compose.yml."""
    assert shared_services({SERVING: IMAGE}) == {name: {"image": IMAGE} for name in SHARED[SERVING]}
    for image, services in SHARED.items():
        assert {SERVICES[name]["image"] for name in services} == {image}
        for name, port in services.items():
            published = SERVICES[name].get("ports", [])
            assert port is None if not published else published[0].endswith(f":{port}")
    tracked = {service for service, _ in ORIGINALS.values()}
    ours = {name for name, each in SERVICES.items() if each["image"] in {SERVING, TRAINING}}
    assert ours - tracked - {name for names in SHARED.values() for name in names} == {"mlflow", "train"}


def test_the_original_is_not_changed() -> None:
    """The services that are read stay as they are."""
    before = repr(SERVICES)
    track_services(SERVICES, Track.GREEN, IMAGE, workers=2)
    assert repr(SERVICES) == before


def test_another_compose_file_is_an_error() -> None:
    """A file without our services is not that of the release."""
    with pytest.raises(ReleaseError, match="has no service http"):
        track_services({}, Track.GREEN, IMAGE, workers=1)

"""The services of both tracks, made from docker-compose.yml."""

import pytest

from deploy.release.compose_tracks import INNER_PORTS, services_of, track_services
from deploy.release.errors import ReleaseError
from deploy.release.tracks import Program, Track
from tests.deploy.compose import COMPOSE, SERVICES

IMAGES = {Track.BLUE: "stream@sha256:b", Track.GREEN: "stream@sha256:a"}


def test_each_track_has_all_programs_with_its_image() -> None:
    """Slots and ports are unique, and the image is the track's."""
    services = track_services(COMPOSE, IMAGES, workers=2)["services"]
    expected = {name for track in Track for program in Program for name in services_of(track, program, 2)}
    assert services.keys() == expected
    slots = [each["environment"]["FRAUD_KAFKA_SLOT"] for each in services.values()]
    ports = [port for each in services.values() for port in each["ports"]]
    assert len(set(slots)) == len(set(ports)) == len(services) == 10
    assert all(each["image"] == IMAGES[Track(name.split("-")[1])] for name, each in services.items())


@pytest.mark.parametrize("service", INNER_PORTS)
def test_a_track_is_configured_and_locked_down_as_the_original(service: str) -> None:
    """Everything but image, slot, ports, profile and start order is what docker-compose.yml says."""
    original = SERVICES[service]
    copied = track_services(COMPOSE, IMAGES, workers=1)["services"][f"{service}-green-0"]
    changed = {"image", "environment", "ports"}
    assert {k: v for k, v in copied.items() if k not in changed} == {
        k: v for k, v in original.items() if k not in {*changed, "profiles", "build", "depends_on"}
    }
    assert copied["environment"] == original["environment"] | {"FRAUD_KAFKA_SLOT": f"{service}-green-0"}
    assert copied["ports"][0].startswith("127.0.0.1:")
    assert copied["ports"][0].endswith(f":{INNER_PORTS[service]}")


def test_the_original_is_not_changed() -> None:
    """The file that is read stays as it is."""
    before = repr(COMPOSE)
    track_services(COMPOSE, IMAGES, workers=2)
    assert repr(COMPOSE) == before


def test_another_compose_file_is_an_error() -> None:
    """A file without our services is not that of the release."""
    with pytest.raises(ReleaseError, match="has no service http"):
        track_services({"services": {}}, IMAGES, workers=1)

"""The services of a release for Docker Compose, made from docker-compose.yml.

Edge and workers exist once for each track, under names of their own, with the track's image, slots and ports.
Everything else about them (settings, hardening, networks, health checks) is what docker-compose.yml says. The ledger,
the archive and `watch` have no tracks: they keep their names, and get the release's images when it is final.
"""

import copy
from collections.abc import Mapping
from typing import Any

from deploy.release.errors import ReleaseError
from deploy.release.manifests import SERVING, TRAINING
from deploy.release.tracks import Program, Track

Services = dict[str, dict[str, Any]]

#: Service of docker-compose.yml of each program that has tracks, with its port inside the container.
ORIGINALS = {Program.EDGE: ("http", 6072), Program.WORKER: ("worker", 6066)}
#: Services without tracks, by the image that they run, with the port of those that have one.
SHARED: dict[str, dict[str, int | None]] = {
    SERVING: {"topics": None, "ledger": 6068},
    TRAINING: {"archive": 6070, "watch": None},
}
#: First port of each track on the host's loopback address.
FIRST_PORTS = {Track.BLUE: 26_000, Track.GREEN: 27_000}
#: Dropped from a service: tracks start by name and not by profile, their images are built before, and what they depend
#: on runs already.
_DROPPED = ("profiles", "build", "depends_on")


def track_services(originals: Mapping[str, Any], track: Track, image: str, workers: int) -> Services:
    """Return the services of a track by name.

    Args:
        originals: The services of docker-compose.yml.
        track: The track.
        image: Image that they run.
        workers: Number of workers.

    Raises:
        ReleaseError: If docker-compose.yml lacks a service.
    """
    services = {}
    for program, (original, inner) in ORIGINALS.items():
        if original not in originals:
            raise ReleaseError(f"docker-compose.yml has no service {original}; use the one of the release")
        for number in range(workers if program is Program.WORKER else 1):
            name, port = f"{original}-{track}-{number}", FIRST_PORTS[track] + inner % 1000 + 100 * number
            services[name] = _copy(originals[original]) | {"image": image, "ports": [f"127.0.0.1:{port}:{inner}"]}
            services[name]["environment"]["FRAUD_KAFKA_SLOT"] = name
            # Prometheus finds all of a program's instances by the name of the original.
            networks = services[name]["networks"]
            services[name]["networks"] = {network: {"aliases": [original]} for network in networks}
    return services


def shared_services(images: Mapping[str, str]) -> Services:
    """Return what a release changes about the services without tracks.

    Args:
        images: Reference of each image of the release by its name; services of other images are left out.
    """
    return {service: {"image": images[name]} for name in SHARED if name in images for service in SHARED[name]}


def ports_of(services: Services, track: Track, program: Program) -> dict[str, int]:
    """Return the port on the host of each of a track's services that run a program.

    Args:
        services: Services of tracks, as `track_services` returns them.
        track: The track.
        program: The program.
    """
    prefix = f"{ORIGINALS[program][0]}-{track}-"
    return {name: int(each["ports"][0].split(":")[1]) for name, each in services.items() if name.startswith(prefix)}


def _copy(original: Mapping[str, Any]) -> dict[str, Any]:
    return {key: copy.deepcopy(value) for key, value in original.items() if key not in _DROPPED}

"""The services of both tracks for Docker Compose, made from docker-compose.yml.

Each track has the services http, worker, ledger and archive under names of its own, with the track's image, slots and
ports. Everything else about them (settings, hardening, networks, health checks) is what docker-compose.yml says.
"""

import copy
from collections.abc import Mapping
from typing import Any

from deploy.release.errors import ReleaseError
from deploy.release.tracks import Program, Track

#: Port of each service inside its container, and the first port of each track on the host's loopback address.
INNER_PORTS = {"http": 6072, "worker": 6066, "ledger": 6068, "archive": 6070}
FIRST_PORTS = {Track.BLUE: 26_000, Track.GREEN: 27_000}
#: Services of docker-compose.yml by the program that they run.
_SERVICES = {Program.EDGE: ("http",), Program.WORKER: ("worker",), Program.STORES: ("ledger", "archive")}
#: Dropped from a service: tracks start by name and not by profile, their images are built before, and what they depend
#: on runs already.
_DROPPED = ("profiles", "build", "depends_on")


def services_of(track: Track, program: Program, workers: int) -> dict[str, int]:
    """Return a track's services that run a program, each with its port on the host.

    >>> services_of(Track.GREEN, Program.WORKER, workers=2)
    {'worker-green-0': 27066, 'worker-green-1': 27166}
    """
    copies = range(workers if program is Program.WORKER else 1)
    return {
        f"{service}-{track}-{number}": FIRST_PORTS[track] + INNER_PORTS[service] % 1000 + 100 * number
        for service in _SERVICES[program]
        for number in copies
    }


def track_services(compose: Mapping[str, Any], images: Mapping[Track, str], workers: int) -> dict[str, Any]:
    """Return a compose file with the services of tracks, to be used together with docker-compose.yml.

    Args:
        compose: docker-compose.yml, decoded.
        images: Image of each track that has one.
        workers: Number of workers of each track.

    Raises:
        ReleaseError: If docker-compose.yml lacks a service.
    """
    services: dict[str, Any] = {}
    for track, image in images.items():
        for program in Program:
            for name, port in services_of(track, program, workers).items():
                service = name.partition("-")[0]
                if service not in compose["services"]:
                    raise ReleaseError(f"docker-compose.yml has no service {service}; use the one of the release")
                ours = copy.deepcopy(dict(compose["services"][service]))
                for key in _DROPPED:
                    ours.pop(key, None)
                ours["image"] = image
                ours["environment"] |= {"FRAUD_KAFKA_SLOT": name}
                ours["ports"] = [f"127.0.0.1:{port}:{INNER_PORTS[service]}"]
                services[name] = ours
    return {"services": services}

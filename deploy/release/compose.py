"""A target whose tracks are services of Docker Compose on this host, as docker-compose.yml describes them."""

import os
import time
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException

import yaml

from deploy.release.compose_command import ROOT, ComposeCommand
from deploy.release.compose_tracks import ORIGINALS, SHARED, Services, ports_of, shared_services, track_services
from deploy.release.errors import ReleaseError, ReleaseRejectedError
from deploy.release.haproxy import drain, route_to, serving
from deploy.release.manifests import SERVING, image_override
from deploy.release.sample import Sample
from deploy.release.scrape import scrape
from deploy.release.tracks import Program, Track

#: Seconds for services to become ready, and for a replay.
READY_S, REPLAY_S = 120.0, 600.0
#: Seconds between two checks of the services, and to wait for their answer.
POLL_S, READY_PAGE_S = 0.5, 2.0
#: Environment variables: the number of workers of each track, and host and port of HAProxy's runtime API.
WORKERS, BALANCER = "RELEASE_WORKERS", "RELEASE_BALANCER"


class ComposeTarget:
    """Tracks as services of a compose project on this host. A stopped track can be started again as it was.

    Args:
        project: Name of the compose project.
        images: Reference of each image of the release by its name; without any, tracks are started as they were.
        headers: Headers of requests to the services, such as an API key.

    Raises:
        ReleaseError: If an image is not named by digest.
    """

    def __init__(self, project: str, images: Mapping[str, str], headers: Mapping[str, str]) -> None:
        for name, reference in images.items():
            image_override(name, reference)
        self._new_images = images
        self._headers = dict(headers)
        self._workers = int(os.environ.get(WORKERS, "2"))
        host, _, port = os.environ.get(BALANCER, "127.0.0.1:6081").rpartition(":")
        self._balancer = (host, int(port))
        # The tracks' services, with the settings that each of them was released with.
        self._file = ROOT / "var" / "release" / project / "tracks.yml"
        self._services: Services = {}
        if self._file.exists():
            self._services = yaml.safe_load(self._file.read_text(encoding="utf-8"))["services"]
        self._compose = ComposeCommand(project, self._file)
        self._released: Track | None = None

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def serving(self) -> Track:
        """See `ReleaseTarget.serving`."""
        return serving(self._balancer)

    def release(self, track: Track) -> str | None:
        """See `ReleaseTarget.release`."""
        edge = next(iter(self._ports(track, Program.EDGE)), None)
        return edge and str(self._services[edge]["image"])

    def running(self, track: Track) -> dict[Program, tuple[int, int]]:
        """See `ReleaseTarget.running`."""
        return {
            program: (sum(map(self._is_ready, ports.values())), len(ports))
            for program in ORIGINALS
            for ports in [self._ports(track, program)]
        }

    def replay(self, track: Track, minutes: float) -> str:
        """See `Target.replay`."""
        self._prepare(track)
        start_ms = round((time.time() - 60 * minutes) * 1000)
        (service, *_) = self._ports(track, Program.WORKER)
        command = ("fraud-stream", "replay", "--from", str(start_ms), "--out", "/dev/stdout")
        # The exit code of a replay whose decisions differ is 1, so the report decides.
        return self._compose.run("run", "--rm", "--no-deps", "-T", service, *command, timeout=REPLAY_S, check=False)

    def start(self, track: Track, program: Program) -> None:
        """See `Target.start`."""
        self._prepare(track)
        if program is Program.STORES:
            self._start_shared()
            return
        if program is Program.EDGE and self._released is track:
            # No request may reach it before the smoke tests. A balancer that was restarted does not know that.
            drain(self._balancer, track)
        ports = self._ports(track, program)
        self._compose.run("up", "--detach", "--no-deps", "--no-build", *ports)
        self._wait(ports)

    def stop(self, track: Track, program: Program) -> None:
        """See `Target.stop`. Ledger and archive go on, because the new ones replace them one by one."""
        if program is not Program.STORES and (ports := self._ports(track, program)):
            self._compose.run("stop", *ports)

    def route(self, track: Track) -> None:
        """See `Target.route`."""
        route_to(self._balancer, track)

    def edge_url(self, track: Track) -> str:
        """See `Target.edge_url`."""
        (port,) = self._ports(track, Program.EDGE).values()
        return _url(port)

    def instances(self, track: Track) -> int:
        """See `Target.instances`."""
        return sum(len(self._ports(track, program)) for program in ORIGINALS)

    def samples(self, track: Track) -> list[Sample]:
        """See `Target.samples`."""
        samples = [
            scrape(service, program, _url(port), self._headers)
            for program in ORIGINALS
            for service, port in self._ports(track, program).items()
        ]
        return [each for each in samples if each is not None]

    def _ports(self, track: Track, program: Program) -> dict[str, int]:
        return ports_of(self._services, track, program)

    def _prepare(self, track: Track) -> None:
        """Replace the services of the track that is prepared first, if there is an image for them.

        The other track keeps the image and the settings that it had.
        """
        if self._released is None:
            self._released = track
            if SERVING in self._new_images:
                old = {name for program in ORIGINALS for name in self._ports(track, program)}
                originals = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
                new = track_services(originals, track, self._new_images[SERVING], self._workers)
                self._write({name: each for name, each in self._services.items() if name not in old} | new)
        if self.release(track) is None:
            raise ReleaseError(f"no release has run on {track}; deploy one with --image")

    def _write(self, services: Services) -> None:
        self._services = services
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(yaml.safe_dump({"services": services}, sort_keys=False), encoding="utf-8")

    def _start_shared(self) -> None:
        """Replace the services without tracks whose image is new, and stop those that the tracks have replaced."""
        self._write(self._services | shared_services(self._new_images))
        services = {service: port for name in self._new_images for service, port in SHARED[name].items()}
        self._compose.run("up", "--detach", "--no-deps", "--no-build", *services)
        self._wait({name: self._host_port(name, port) for name, port in services.items() if port is not None})
        self._compose.run("stop", *(service for service, _ in ORIGINALS.values()), check=False)

    def _host_port(self, service: str, port: int) -> int:
        return int(self._compose.run("port", service, str(port)).strip().rpartition(":")[2])

    def _wait(self, ports: Mapping[str, int]) -> None:
        deadline_s = time.monotonic() + READY_S
        for service, port in ports.items():
            while not self._is_ready(port):
                if time.monotonic() > deadline_s:
                    last = self._compose.run("logs", "--tail", "1", service, check=False).strip()
                    raise ReleaseRejectedError(f"{service} was not ready within {READY_S:g} s: {last}")
                time.sleep(POLL_S)

    def _is_ready(self, port: int) -> bool:
        try:
            with urllib.request.urlopen(f"{_url(port)}/readyz", timeout=READY_PAGE_S):  # noqa: S310 - ours
                return True
        # HTTPException: the program ended while it responded.
        except (OSError, HTTPException):
            return False


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"

"""A target whose tracks are services of Docker Compose on this host, as docker-compose.yml describes them."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import msgspec
import yaml

from deploy.release.compose_tracks import services_of, track_services
from deploy.release.errors import ReleaseError, ReleaseRejectedError
from deploy.release.haproxy import route_to, serving
from deploy.release.manifests import SERVING
from deploy.release.replay_log import differences
from deploy.release.sample import Sample, parse_sample
from deploy.release.tracks import Program, Track

ROOT = Path(__file__).parents[2]
#: Seconds for services to become ready, for a compose command, and for a replay.
READY_S, COMMAND_S, REPLAY_S = 120.0, 120.0, 600.0
#: Seconds between two looks at services, and to wait for a page.
POLL_S, PAGE_S = 0.5, 2.0
#: Environment variables: the compose command, the number of workers of each track, and HAProxy's runtime API.
COMMAND, WORKERS, BALANCER = "RELEASE_COMPOSE", "RELEASE_WORKERS", "RELEASE_BALANCER"


class ComposeTarget:
    """Tracks as services of a compose project on this host.

    Args:
        project: Name of the compose project.
        images: Reference of the serving image by its name; without it, tracks are started as they were.
        headers: Headers of requests to the services, such as an API key.

    Raises:
        ReleaseError: If a setting in the environment is invalid.
    """

    def __init__(self, project: str, images: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self._project = project
        self._image = images.get(SERVING)
        self._headers = dict(headers)
        self._workers = int(os.environ.get(WORKERS, "2"))
        host, _, port = os.environ.get(BALANCER, "127.0.0.1:26999").rpartition(":")
        self._balancer = (host, int(port))
        self._files = ROOT / "var" / "release" / project
        # Images by track, also of a track that is stopped.
        record = self._files / "images.json"
        self._images: dict[Track, str] = (
            msgspec.json.decode(record.read_bytes(), type=dict[Track, str]) if record.exists() else {}
        )

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def serving(self) -> Track:
        """See `ReleaseTarget.serving`."""
        return serving(self._balancer)

    def release(self, track: Track) -> str | None:
        """See `ReleaseTarget.release`."""
        return self._images.get(track)

    def running(self, track: Track) -> dict[Program, tuple[int, int]]:
        """See `ReleaseTarget.running`."""
        return {
            program: (sum(map(self._is_ready, ports.values())), len(ports))
            for program in (Program.EDGE, Program.WORKER)
            for ports in [services_of(track, program, self._workers)]
        }

    def replay(self, track: Track, minutes: float, out: Path) -> None:
        """See `Target.replay`."""
        self._prepare(track)
        start_ms = round((time.time() - 60 * minutes) * 1000)
        (service, *_) = services_of(track, Program.WORKER, self._workers)
        command = ("fraud-stream", "replay", "--from", str(start_ms), "--out", "/dev/stdout")
        # The exit code of a replay whose decisions differ is 1, so the report decides.
        log = self._compose("run", "--rm", "--no-deps", "-T", service, *command, timeout=REPLAY_S, check=False)
        out.write_bytes(differences(log))

    def start(self, track: Track, program: Program) -> None:
        """See `Target.start`."""
        self._prepare(track)
        ports = services_of(track, program, self._workers)
        self._compose("up", "--detach", "--no-deps", "--no-build", *ports)
        deadline_s = time.monotonic() + READY_S
        for service, port in ports.items():
            while not self._is_ready(port):
                if time.monotonic() > deadline_s:
                    last = self._compose("logs", "--tail", "1", service, check=False).strip()
                    raise ReleaseRejectedError(f"{service} was not ready within {READY_S:g} s: {last}")
                time.sleep(POLL_S)

    def stop(self, track: Track, program: Program) -> None:
        """See `Target.stop`."""
        if track in self._images:
            self._compose("stop", *services_of(track, program, self._workers))

    def route(self, track: Track) -> None:
        """See `Target.route`."""
        route_to(self._balancer, track)

    def edge_url(self, track: Track) -> str:
        """See `Target.edge_url`."""
        (port,) = services_of(track, Program.EDGE, self._workers).values()
        return f"http://127.0.0.1:{port}"

    def instances(self, track: Track) -> int:
        """See `Target.instances`."""
        return sum(len(services_of(track, each, self._workers)) for each in (Program.EDGE, Program.WORKER))

    def samples(self, track: Track) -> list[Sample]:
        """See `Target.samples`."""
        samples = []
        for program in (Program.EDGE, Program.WORKER):
            for service, port in services_of(track, program, self._workers).items():
                page = self._page(port, "/metrics")
                if page is not None:
                    samples.append(parse_sample(service, program, time.monotonic(), page))
        return samples

    def _prepare(self, track: Track) -> None:
        """Write the compose file of the tracks, with the release's image on its track."""
        if self._image is not None and track is not self.serving():
            self._images[track] = self._image
        if track not in self._images:
            raise ReleaseError(f"no release has run on {track}; deploy one with --image")
        self._files.mkdir(parents=True, exist_ok=True)
        (self._files / "images.json").write_bytes(msgspec.json.encode(self._images))
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
        services = track_services(compose, self._images, self._workers)
        (self._files / "tracks.yml").write_text(yaml.safe_dump(services, sort_keys=False), encoding="utf-8")

    def _compose(self, *arguments: str, timeout: float = COMMAND_S, check: bool = True) -> str:
        """Run a compose command and return its output.

        Raises:
            ReleaseError: If the command fails or takes too long.
        """
        program = os.environ.get(COMMAND, "docker compose").split()
        files = ("-p", self._project, "-f", str(ROOT / "docker-compose.yml"), "-f", str(self._files / "tracks.yml"))
        shown = f"{' '.join(program)} {arguments[0]}"
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own compose command
                [*program, *files, *arguments], capture_output=True, text=True, timeout=timeout, check=False
            )
        except OSError as error:
            raise ReleaseError(f"cannot run {program[0]} ({error.strerror}); set {COMMAND}") from None
        except subprocess.TimeoutExpired:
            raise ReleaseError(f"{shown} takes more than {timeout:g} s; see its log") from None
        if check and done.returncode:
            raise ReleaseError(f"{shown} failed: {done.stderr.strip().rpartition(chr(10))[2]}")
        return done.stdout

    def _is_ready(self, port: int) -> bool:
        return self._page(port, "/readyz") is not None

    def _page(self, port: int, path: str) -> str | None:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=PAGE_S) as response:  # noqa: S310 - ours
                return str(response.read().decode())
        except (OSError, urllib.error.URLError):
            return None

"""The services of docker-compose.yml, run by podman-compose."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.compose.engine import Engine
from tests.deploy.compose import ONE_SHOT, ROOT, SERVICES

NAME = "fraud-compose-test"
FILES = (ROOT / "docker-compose.yml", Path(__file__).parent / "stand_ins" / "override.yml")
PODMAN = Path(__file__).parent / "podman.sh"
#: Services that can't run here: there is no stand-in for Grafana.
LEFT_OUT = {"grafana"}
#: One-shot services that are run by hand.
BY_HAND = {"train"}
PROFILES = sorted({profile for service in SERVICES.values() for profile in service.get("profiles", ())})


def waves() -> Iterator[list[str]]:
    """Yield groups of services to start: each service after all that it depends on."""
    left = {name: set(SERVICES[name].get("depends_on", ())) for name in SERVICES.keys() - LEFT_OUT - BY_HAND}
    while left:
        wave = sorted(name for name, needed in left.items() if not needed & left.keys())
        yield wave
        for name in wave:
            del left[name]


class Project:
    """The compose project.

    Args:
        engine: podman.
        podman_compose: Path of podman-compose.
        variables: Variables of docker-compose.yml and of the override file.

    Attributes:
        program: podman-compose with its options, without those that name the project and its files.
    """

    def __init__(self, engine: Engine, podman_compose: Path, variables: dict[str, str]) -> None:
        self._engine, self._variables = engine, variables
        profiles = [word for profile in PROFILES for word in ("--profile", profile)]
        self.program = [str(podman_compose), "--in-pod=false", f"--podman-path={PODMAN}", *profiles]
        files = [word for file in FILES for word in ("-f", str(file))]
        self._command = [*self.program, "-p", NAME, *files]

    def compose(self, *arguments: str, timeout: float = 120.0) -> str:
        """Run podman-compose, and return its output."""
        return self._engine.run(*self._command, *arguments, timeout=timeout, environment=self._variables).stdout

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for programs that run podman-compose on this project."""
        return self._engine.environment | self._variables

    def start(self, services: Sequence[str]) -> None:
        """Start services and wait until they are healthy or, if they are one-shot, have succeeded."""
        self.compose("up", "--detach", "--no-build", "--no-deps", *services)
        for service in services:
            self.wait(service)

    def wait(self, service: str, timeout: float = 240.0) -> None:
        """Wait until a service is healthy or, if it is one-shot, has succeeded; fail after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not (self._succeeded(service) if service in ONE_SHOT else self.is_healthy(service)):
            assert time.monotonic() < deadline, f"{service} is not healthy after {timeout:g} s:\n{self.log(service)}"
            time.sleep(0.5)

    def is_healthy(self, service: str) -> bool:
        """Run a service's health check once."""
        return self._engine.run("podman", "healthcheck", "run", container(service), check=False).returncode == 0

    def exec(self, service: str, *command: str, timeout: float = 60.0) -> str:
        """Run a command in a service's container, and return its output."""
        return self._engine.run("podman", "exec", container(service), *command, timeout=timeout).stdout

    def state(self, service: str) -> dict[str, Any]:
        """Return what podman knows about a service's container."""
        (inspected,) = json.loads(self._engine.run("podman", "inspect", container(service)).stdout)
        state: dict[str, Any] = inspected
        return state

    def log(self, service: str, lines: int = 30) -> str:
        """Return the end of a service's log."""
        result = self._engine.run("podman", "logs", f"--tail={lines}", container(service), check=False)
        return result.stdout + result.stderr

    def save_logs(self, directory: Path) -> None:
        """Write the log of each container to a file in a directory, for a look after the containers are gone."""
        directory.mkdir(parents=True, exist_ok=True)
        names = self._engine.run("podman", "ps", "--all", "--format={{.Names}}").stdout.split()
        for service in (name.removeprefix(f"{NAME}_").removesuffix("_1") for name in names):
            (directory / f"{service}.log").write_text(self.log(service, 100_000), encoding="utf-8")

    def volume(self, name: str) -> Path:
        """Return the folder of a volume on this machine."""
        inspected = self._engine.run("podman", "volume", "inspect", "--format={{.Mountpoint}}", f"{NAME}_{name}")
        return Path(inspected.stdout.strip())

    def remove(self) -> None:
        """Stop and remove all containers, networks and volumes of the project, also of tracks. Images stay."""
        self._engine.run(
            *self._command,
            "down",
            "--volumes",
            "--remove-orphans",
            timeout=180,
            check=False,
            environment=self._variables,
        )

    def _succeeded(self, service: str) -> bool:
        state = self.state(service)["State"]
        return bool(state["Status"] == "exited" and state["ExitCode"] == 0)


def container(service: str) -> str:
    """Return the name of a service's container."""
    return f"{NAME}_{service}_1"

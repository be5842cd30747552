"""A target whose tracks are processes on this machine, each release in an environment of its own."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from deploy.release.errors import ReleaseError, ReleaseRejectedError
from deploy.release.haproxy import route_to
from deploy.release.sample import Sample
from deploy.release.scrape import scrape
from deploy.release.tracks import Program, Track
from schemas.errors import FraudError
from stream.local.program_process import ProgramProcess, program_address, program_environment
from stream.settings import Settings

#: Seconds for a program to become ready, and to stop.
READY_S, STOP_S = 40.0, 20.0
#: Seconds to wait for a replay.
REPLAY_S = 120.0


@dataclass(frozen=True)
class Instance:
    """One program of a track."""

    program: Program
    #: Command of `fraud-stream` that runs it.
    command: str
    settings: Settings

    @property
    def name(self) -> str:
        """Name of the instance, unique in its track."""
        return f"{self.command}-{self.settings.kafka.slot}"

    @property
    def url(self) -> str:
        """URL of the instance's web pages, without a path."""
        return f"http://{program_address(self.command, self.settings)}"


@dataclass(frozen=True)
class Release:
    """An installed release.

    Attributes:
        python: Interpreter of the environment in which the release is installed.
        environment: Variables besides the settings.
    """

    python: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class ProcessTarget:
    """Tracks as processes of this machine.

    Args:
        instances: Instances of each track.
        releases: Release on each track.
        admin: Host and port of HAProxy's runtime API.
        logs: Directory that receives the programs' output.
    """

    def __init__(
        self,
        instances: Mapping[Track, Sequence[Instance]],
        releases: Mapping[Track, Release],
        admin: tuple[str, int],
        logs: Path,
    ) -> None:
        self._instances = instances
        self._releases = releases
        self._admin = admin
        self._logs = logs
        self._running: dict[tuple[Track, str], ProgramProcess] = {}

    def close(self) -> None:
        """Stop everything."""
        for track in Track:
            for program in Program:
                self.stop(track, program)

    def replay(self, track: Track, minutes: float) -> str:
        """See `Target.replay`."""
        start_ms = round((time.time() - 60 * minutes) * 1000)
        settings = self._instances[track][0].settings
        replay = self._command(track, "replay", "--from", str(start_ms), "--out", "/dev/stdout")
        try:
            done = subprocess.run(  # noqa: S603 - our own program
                # The programs that serve go first: they share this machine.
                ["/usr/bin/nice", "-n", "10", *replay],
                env=self._environment(track, settings),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=REPLAY_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ReleaseError(f"the replay takes more than {REPLAY_S:g} s; choose a shorter time") from None
        return done.stdout

    def start(self, track: Track, program: Program) -> None:
        """See `Target.start`."""
        started = []
        for instance in self._of(track, program):
            process = ProgramProcess(
                self._command(track, instance.command),
                self._logs / f"{track}-{instance.name}.log",
                self._environment(track, instance.settings),
                ready_url=f"{instance.url}/readyz",
                stop_s=STOP_S,
            )
            process.start()
            self._running[track, instance.name] = process
            started.append(process)
        for process in started:
            try:
                process.wait_ready(READY_S)
            except FraudError as error:
                # The error may quote the whole log; here, its last line is enough.
                first = str(error).partition("\n")[0].removesuffix(":")
                raise ReleaseRejectedError(f"{first}: {process.last_lines(1)}") from None

    def stop(self, track: Track, program: Program) -> None:
        """See `Target.stop`."""
        stopping = [self._running.pop((track, each.name), None) for each in self._of(track, program)]
        with ThreadPoolExecutor(max(len(stopping), 1)) as threads:
            list(threads.map(lambda process: process.stop(), [each for each in stopping if each is not None]))

    def route(self, track: Track) -> None:
        """See `Target.route`."""
        route_to(self._admin, track)

    def edge_url(self, track: Track) -> str:
        """See `Target.edge_url`."""
        return self._of(track, Program.EDGE)[0].url

    def instances(self, track: Track) -> int:
        """See `Target.instances`."""
        return len(self._of(track, Program.EDGE)) + len(self._of(track, Program.WORKER))

    def samples(self, track: Track) -> list[Sample]:
        """See `Target.samples`."""
        instances = [each for program in (Program.EDGE, Program.WORKER) for each in self._of(track, program)]
        samples = [scrape(each.name, each.program, each.url, {}) for each in instances]
        return [each for each in samples if each is not None]

    def _of(self, track: Track, program: Program) -> list[Instance]:
        return [each for each in self._instances[track] if each.program is program]

    def _command(self, track: Track, *arguments: str) -> list[str]:
        # -P: the current directory may hold the code of another release.
        return [str(self._releases[track].python), "-P", "-m", "stream.cli", *arguments]

    def _environment(self, track: Track, settings: Settings) -> dict[str, str]:
        environment = program_environment(settings)
        # A release's own path comes first, so that it can replace modules.
        added = dict(self._releases[track].environment)
        if "PYTHONPATH" in added:
            added["PYTHONPATH"] = f"{added['PYTHONPATH']}:{environment['PYTHONPATH']}"
        return environment | added

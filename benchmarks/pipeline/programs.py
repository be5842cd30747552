"""The programs that are measured, and how each is started: as a child process that ends with the bench."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.pipeline.baselines.job import Job, write_job
from benchmarks.pipeline.inputs import Materials
from schemas.errors import FraudError
from stream.local.owned_process import OwnedProcess
from stream.settings import PREFIX, Settings

WORKER = "worker"
ROOT = Path(__file__).parents[2]
MIB = 2**20
#: Seconds a program gets to end.
STOP_S = 20.0
_SHOWN_LINES = 15

#: From settings and batch size to the arguments after `python`.
Arguments = Callable[[Settings, int], list[str]]


@dataclass(frozen=True)
class Program:
    """Something that turns transactions into decisions.

    Attributes:
        name: As it stands in the report.
        python: Interpreter of its environment.
        arguments: Makes its arguments.
        batches: Batch sizes to try; the best is measured.
    """

    name: str
    python: Path
    arguments: Arguments
    batches: tuple[int, ...]


class Running:
    """A program in a process of its own."""

    def __init__(self, process: OwnedProcess, log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def rss_mib(self) -> float:
        """Resident memory."""
        return float(psutil.Process(self._process.pid).memory_info().rss / MIB)

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all its threads since it started."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def check(self) -> None:
        """Raise FraudError with its last words if the program has ended."""
        if self._process.returncode is not None:
            raise FraudError(f"{self._log.stem} ended with code {self._process.returncode}: {self.last_words()}")

    def last_words(self) -> str:
        """The end of what it printed."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:])

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._process.stop(STOP_S)


@contextmanager
def running(program: Program, settings: Settings, batch: int, scratch: Path) -> Iterator[Running]:
    """Start a program; it is stopped at the end."""
    log = scratch / f"{program.name}-{settings.kafka.group}.log"
    command = [str(program.python), *program.arguments(settings, batch)]
    process = Running(OwnedProcess(command, log, _environment(settings)), log)
    try:
        yield process
    finally:
        process.stop()


def the_worker() -> Program:
    """Return the worker as users run it; its batches grow with load by themselves."""
    return Program(WORKER, Path(sys.executable), lambda _, __: ["-m", "stream.cli", WORKER], (0,))


def rival(name: str, python: Path, materials: Materials, batches: tuple[int, ...]) -> Program:
    """Return one of the programs in `benchmarks.pipeline.baselines`."""

    def arguments(settings: Settings, batch: int) -> list[str]:
        job = Job(
            bootstrap=settings.kafka.bootstrap,
            group=settings.kafka.group,
            topic_transactions=settings.topic.transactions,
            topic_decisions=settings.topic.decisions,
            topic_alerts=settings.topic.alerts,
            topic_shadow_scores=settings.topic.shadow_scores,
            champion=str(materials.bundles[materials.champion.sha256]),
            challengers=(str(materials.bundles[materials.challengers[0].sha256]),),
            role_epoch=1,
            max_reasons=settings.scoring.max_reasons,
            batch=batch,
        )
        return ["-m", f"benchmarks.pipeline.baselines.{name}", write_job(job)]

    return Program(name, python, arguments, batches)


def _environment(settings: Settings) -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    return own | settings.environment() | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

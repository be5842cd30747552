"""The programs to measure, each started as a child process."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.pipeline.baselines.job import Job, write_job
from benchmarks.pipeline.inputs import BenchmarkInputs
from schemas.version import ENGINE
from stream.local.program_process import ProgramProcess, program_environment
from stream.settings import Settings

WORKER = "worker"
ROOT = Path(__file__).parents[2]
MIB = 2**20
#: Seconds to wait between SIGTERM and SIGKILL.
STOP_S = 20.0

#: Function from settings and batch size to the arguments after `python`.
Arguments = Callable[[Settings, int], list[str]]


@dataclass(frozen=True)
class Program:
    """A program that turns transactions into decisions.

    Attributes:
        name: Name of the program in the report.
        python: Interpreter of the program's environment.
        arguments: Function that returns the program's command-line arguments.
        batches: Batch sizes to try; the fastest is measured.
    """

    name: str
    python: Path
    arguments: Arguments
    batches: tuple[int, ...]


class MeasuredProcess(ProgramProcess):
    """A child process whose memory and CPU time can be read."""

    @property
    def rss_mib(self) -> float:
        """Resident memory in MiB."""
        return float(psutil.Process(self.pid).memory_info().rss / MIB)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all threads since the program started, in seconds."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


@contextmanager
def running(program: Program, settings: Settings, batch: int, scratch: Path) -> Iterator[MeasuredProcess]:
    """Run a program until the context exits."""
    log = scratch / f"{program.name}-{settings.kafka.group}.log"
    command = [str(program.python), *program.arguments(settings, batch)]
    with MeasuredProcess(command, log, program_environment(settings), stop_s=STOP_S) as process:
        yield process


def worker_program() -> Program:
    """Return the worker with its ordinary command line; its batch size adapts to the load."""
    return Program(WORKER, Path(sys.executable), lambda _, __: ["-m", "stream.cli", WORKER], (0,))


def baseline_program(name: str, python: Path, inputs: BenchmarkInputs, batches: tuple[int, ...]) -> Program:
    """Return one of the programs in `benchmarks.pipeline.baselines`."""

    def arguments(settings: Settings, batch: int) -> list[str]:
        job = Job(
            bootstrap=settings.kafka.bootstrap,
            group=settings.kafka.group,
            topic_transactions=settings.topic.transactions,
            topic_decisions=settings.topic.decisions,
            topic_alerts=settings.topic.alerts,
            topic_shadow_scores=settings.topic.shadow_scores,
            champion=str(inputs.bundles[inputs.champion.sha256]),
            challengers=(str(inputs.bundles[inputs.challengers[0].sha256]),),
            role_epoch=1,
            max_reasons=settings.scoring.max_reasons,
            batch=batch,
            engine=ENGINE,
        )
        return ["-m", f"benchmarks.pipeline.baselines.{name}", write_job(job)]

    return Program(name, python, arguments, batches)

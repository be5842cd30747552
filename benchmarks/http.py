"""Load test of the HTTP edge, compared with `mlflow models serve` and the same champion.

`python -m benchmarks.http` needs wrk (a Debian package), which sends requests as fast as responses arrive, or at a
steady rate. Broker, edge and wrk share the machine. Every transaction has a new id, and only responses with status 200
count.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from benchmarks.pipeline.inputs import BenchmarkInputs
from benchmarks.pipeline.prepare import prepare_inputs
from benchmarks.pipeline.programs import ROOT
from benchmarks.pipeline.trial_broker import TrialBroker
from schemas.codec import TransactionCodec
from schemas.errors import FraudError
from schemas.messages import encode
from stream.local.broker import LocalBroker
from stream.local.program_process import ProgramProcess, stream_program
from stream.models.bundle import audit
from stream.runtime.ports import free_port
from stream.scoring.accepted_rows import accepted_rows
from training.machine import Machine, describe_machine

SCRIPT = Path(__file__).with_name("http.lua")
#: Number of transactions from which request bodies are made; they are repeated under new ids.
BODIES = 5_000
#: Numbers of connections in the runs at full speed.
CONNECTIONS = (16, 32)
#: Requests per second in the paced runs, and their numbers of connections. Each connection sends at random moments.
PACE = 1_000
PACED_CONNECTIONS = (8, 16)
#: Duration in seconds of an unmeasured run that warms up caches and the broker's JIT.
WARM_UP_S = 5
#: Approximate response time at `PACE`, in milliseconds; subtracted from each connection's pause.
TYPICAL_RESPONSE_MS = 4
#: Seconds for a server to become ready, and to stop.
START_S, STOP_S = 90.0, 20.0
_RESULT = re.compile(r"@RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)")


class LoadResult(Struct, frozen=True):
    """Throughput and latency in one run."""

    server: str
    connections: int
    #: Requests per second; None if requests were sent as fast as responses arrived.
    pace: int | None
    #: Number of responses with status 200 per second.
    replies_per_second: int
    #: Number of responses with another status, and number of broken connections.
    failed: int
    p50_ms: float
    p99_ms: float
    p99_9_ms: float


class HttpBenchmark(Struct, frozen=True):
    """Results of all runs, and the machine on which they were measured."""

    machine: Machine
    seconds: int
    runs: list[LoadResult]


def run_wrk(
    url: str, bodies: Path, *, server: str, connections: int, seconds: int, pace: int | None = None
) -> LoadResult:
    """Load a server with wrk from one thread.

    Args:
        url: URL to post to.
        bodies: File that contains the request bodies, one per line.
        server: Name of the server, as shown in the report.
        connections: Number of connections to open.
        seconds: Duration of the run in seconds.
        pace: Requests per second over all connections; None to send as fast as responses arrive.

    Raises:
        FraudError: If wrk is not installed, or its output cannot be parsed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise FraudError("wrk is not installed; install it, for example with: apt install wrk, or brew install wrk")
    id_prefix = f"{time.time_ns()}-"
    # wrk cannot pace requests, so each connection pauses after a response; together they reach about the pace.
    pause = 0 if pace is None else max(round(1000 * connections / pace - TYPICAL_RESPONSE_MS), 1)
    command = [
        wrk, "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--timeout", "5s",
        "--script", str(SCRIPT), url, "--", str(bodies), id_prefix, str(pause),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)  # noqa: S603 - ours
    result = _RESULT.search(done.stdout)
    if result is None:
        raise FraudError(f"cannot read a result from the output of wrk: {done.stdout[-300:]} {done.stderr[-300:]}")
    requests, duration_us, refused, broken, p50, p99, p99_9 = map(int, result.groups())
    return LoadResult(
        server,
        connections,
        pace,
        round((requests - refused) / (duration_us / 1e6)),
        refused + broken,
        p50 / 1000,
        p99 / 1000,
        p99_9 / 1000,
    )


@contextmanager
def running_edge(trials: TrialBroker, scratch: Path) -> Iterator[str]:
    """Run the HTTP edge with a champion and a challenger; yield the edge's URL."""
    settings = trials.prepare(challengers=1).replace(http_port=free_port())
    with stream_program("http", settings, scratch / "http.log", stop_s=STOP_S) as process:
        process.wait_ready(START_S)
        yield f"http://127.0.0.1:{settings.http.port}/predict"


@contextmanager
def running_mlflow_server(bundle: Path, scratch: Path) -> Iterator[str]:
    """Run MLflow's model server with a single bundle; yield the server's URL."""
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(bundle), "--env-manager", "local",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    # MLflow starts uvicorn by name, and uvicorn is in the same directory as this Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path, "PYTHONWARNINGS": "ignore"}
    address = f"http://127.0.0.1:{port}"
    ready_url = f"{address}/ping"
    with ProgramProcess(command, scratch / "mlflow.log", environment, ready_url=ready_url, stop_s=STOP_S) as server:
        server.wait_ready(START_S)
        yield f"{address}/invocations"


def write_transactions(inputs: BenchmarkInputs, path: Path) -> Path:
    """Write request bodies for the edge: one transaction per line, with @ID@ as the id."""
    with path.open("wb") as lines:
        for row in inputs.transactions[:BODIES]:
            lines.write(encode(msgspec.structs.replace(row, transaction_id="@ID@")) + b"\n")
    return path


def write_invocations(inputs: BenchmarkInputs, path: Path) -> Path:
    """Write request bodies for MLflow: feature vectors of the same transactions (the edge computes them itself)."""
    directory = inputs.bundles[inputs.champion.sha256]
    plan = audit(directory, inputs.champion.sha256).plan
    codec = TransactionCodec(plan.numeric, categorical=plan.categorical, max_bytes=2**20)
    decoded = [codec.decode(encode(row)) for row in inputs.transactions[:BODIES]]
    rows = accepted_rows(range(len(decoded)), decoded, plan)
    with path.open("w", encoding="ascii") as lines:
        for vector in rows.matrix.tolist():
            lines.write(json.dumps({"inputs": [vector]}) + "\n")
    return path


def measure(trials: TrialBroker, inputs: BenchmarkInputs, scratch: Path, seconds: int) -> list[LoadResult]:
    """Load the edge, then MLflow's server, and return the results."""
    runs = []
    bodies, invocations = write_transactions(inputs, scratch / "bodies"), write_invocations(inputs, scratch / "vectors")
    edge, mlflow = "fraud-stream http", "mlflow models serve"
    with running_edge(trials, scratch) as url:
        run_wrk(url, bodies, server=edge, connections=8, seconds=WARM_UP_S)
        runs += [run_wrk(url, bodies, server=edge, connections=n, seconds=seconds) for n in CONNECTIONS]
        runs += [
            run_wrk(url, bodies, server=edge, connections=n, seconds=seconds, pace=PACE) for n in PACED_CONNECTIONS
        ]
    with running_mlflow_server(inputs.bundles[inputs.champion.sha256], scratch) as url:
        run_wrk(url, invocations, server=mlflow, connections=8, seconds=WARM_UP_S)
        runs += [run_wrk(url, invocations, server=mlflow, connections=n, seconds=seconds) for n in CONNECTIONS]
    return runs


@click.command()
@click.option("--seconds", default=60, show_default=True, help="Duration of each run, in seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def main(*, seconds: int, as_json: bool) -> None:
    """Load the HTTP edge and MLflow's server with wrk, and print throughput and latency."""
    machine = describe_machine(("fastapi", "uvicorn", "confluent-kafka", "onnxruntime", "mlflow"))
    with tempfile.TemporaryDirectory(prefix="fraud-http-bench-") as directory:
        scratch = Path(directory)
        inputs = prepare_inputs(ROOT / "var", scratch, lambda step: click.echo(step, err=True))
        with LocalBroker(scratch / "kafka") as broker:
            runs = measure(TrialBroker(broker.bootstrap, inputs), inputs, scratch, seconds)
    benchmark = HttpBenchmark(machine, seconds, runs)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(benchmark), indent=1))
    else:
        _show(benchmark)


def _show(benchmark: HttpBenchmark) -> None:
    machine = benchmark.machine
    table = Table(title=f"{benchmark.seconds} s per run, {machine.cores} cores, {machine.cpu}")
    for name in ("server", "connections", "responses/s", "failed", "p50 ms", "p99 ms", "p99.9 ms"):
        table.add_column(name, justify="left" if name == "server" else "right")
    for run in benchmark.runs:
        server = run.server if run.pace is None else f"{run.server}, about {run.pace}/s"
        table.add_row(
            server, str(run.connections), f"{run.replies_per_second:,}", str(run.failed),
            *(f"{each:.1f}" for each in (run.p50_ms, run.p99_ms, run.p99_9_ms)),
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()

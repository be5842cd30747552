"""The HTTP edge under load, beside `mlflow models serve` with the same champion.

`python -m benchmarks.http` needs wrk (a Debian package), which asks, as fast as replies come or at a pace. Broker,
edge and wrk share this machine. Every transaction is another one; only replies with status 200 count.
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

from benchmarks.pipeline.inputs import Materials, gather
from benchmarks.pipeline.programs import ROOT
from benchmarks.pipeline.trial_broker import Field
from schemas.codec import TransactionCodec
from schemas.errors import FraudError
from schemas.messages import encode
from stream.local.broker import LocalBroker
from stream.local.program_process import ProgramProcess, stream_program
from stream.models.bundle import audit
from stream.runtime.ports import free_port
from stream.scoring.accepted_rows import accepted_rows
from training.machine import Machine, look_at_machine

SCRIPT = Path(__file__).with_name("http.lua")
#: Transactions that bodies are made of; each is asked about again and again under new ids.
BODIES = 5_000
#: Connections of the runs.
CONNECTIONS = (16, 32)
#: Requests a second at a pace, and from how many connections: they ask at random moments, each for itself.
PACE = 1_000
PACED_CONNECTIONS = (8, 16)
#: Seconds of a run that is thrown away before: caches, the broker's own compiler.
WARM_S = 5
#: Milliseconds that a reply takes at that pace, about: what a connection waits less.
TYPICAL_REPLY_MS = 4
#: Seconds a server gets to be ready, and to end.
START_S, STOP_S = 90.0, 20.0
_RESULT = re.compile(r"@RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)")


class Load(Struct, frozen=True):
    """What came of one run."""

    server: str
    connections: int
    #: Asked for at a pace; None: as fast as replies came.
    pace: int | None
    #: With status 200, a second.
    replies_per_second: int
    #: Other statuses, and connections that broke.
    failed: int
    p50_ms: float
    p99_ms: float
    p99_9_ms: float


class HttpSpeed(Struct, frozen=True):
    """All runs, and the machine."""

    machine: Machine
    seconds: int
    runs: list[Load]


def ask(url: str, bodies: Path, *, server: str, connections: int, seconds: int, pace: int | None = None) -> Load:
    """Load a server with wrk, one thread.

    Raises:
        FraudError: If wrk is not there, or says nothing that can be read.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise FraudError("wrk is not installed; it is a Debian package and in Homebrew: install wrk")
    mark = f"{time.time_ns()}-"
    # wrk has no clock for requests: each connection waits after a reply, so that it asks at about the pace.
    pause = 0 if pace is None else max(round(1000 * connections / pace - TYPICAL_REPLY_MS), 1)
    command = [
        wrk, "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--timeout", "5s",
        "--script", str(SCRIPT), url, "--", str(bodies), mark, str(pause),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)  # noqa: S603 - ours
    found = _RESULT.search(done.stdout)
    if found is None:
        raise FraudError(f"wrk said: {done.stdout[-300:]} {done.stderr[-300:]}")
    requests, took_us, refused, broken, p50, p99, p99_9 = map(int, found.groups())
    return Load(
        server,
        connections,
        pace,
        round((requests - refused) / (took_us / 1e6)),
        refused + broken,
        p50 / 1000,
        p99 / 1000,
        p99_9 / 1000,
    )


@contextmanager
def edge(field: Field, scratch: Path) -> Iterator[str]:
    """Run the edge with a champion and a challenger; yield its address."""
    settings = field.prepare(challengers=1).replace(http_port=free_port())
    with stream_program("http", settings, scratch / "http.log", stop_s=STOP_S) as process:
        process.wait_ready(START_S)
        yield f"http://127.0.0.1:{settings.http.port}/predict"


@contextmanager
def mlflow_server(bundle: Path, scratch: Path) -> Iterator[str]:
    """Run MLflow's own server with one bundle; yield its address."""
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(bundle), "--env-manager", "local",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    # It starts uvicorn by name, which lies beside this Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path, "PYTHONWARNINGS": "ignore"}
    address = f"http://127.0.0.1:{port}"
    ready_url = f"{address}/ping"
    with ProgramProcess(command, scratch / "mlflow.log", environment, ready_url=ready_url, stop_s=STOP_S) as server:
        server.wait_ready(START_S)
        yield f"{address}/invocations"


def write_bodies(materials: Materials, path: Path) -> Path:
    """Write transactions as the edge takes them, one a line, with @ID@ for the id."""
    with path.open("wb") as lines:
        for row in materials.rows[:BODIES]:
            lines.write(encode(msgspec.structs.replace(row, transaction_id="@ID@")) + b"\n")
    return path


def write_invocations(materials: Materials, path: Path) -> Path:
    """Write the same transactions as MLflow takes them: feature vectors, which the edge makes by itself."""
    directory = materials.bundles[materials.champion.sha256]
    plan = audit(directory, materials.champion.sha256).plan
    codec = TransactionCodec(plan.numeric, categorical=plan.categorical, max_bytes=2**20)
    decoded = [codec.decode(encode(row)) for row in materials.rows[:BODIES]]
    rows = accepted_rows(range(len(decoded)), decoded, plan)
    with path.open("w", encoding="ascii") as lines:
        for vector in rows.matrix.tolist():
            lines.write(json.dumps({"inputs": [vector]}) + "\n")
    return path


def measure(field: Field, materials: Materials, scratch: Path, seconds: int) -> list[Load]:
    """Load one server after the other."""
    runs = []
    bodies, invocations = write_bodies(materials, scratch / "bodies"), write_invocations(materials, scratch / "vectors")
    with edge(field, scratch) as url:
        ask(url, bodies, server="fraud-stream http", connections=8, seconds=WARM_S)
        runs += [ask(url, bodies, server="fraud-stream http", connections=n, seconds=seconds) for n in CONNECTIONS]
        runs += [
            ask(url, bodies, server="fraud-stream http", connections=n, seconds=seconds, pace=PACE)
            for n in PACED_CONNECTIONS
        ]
    with mlflow_server(materials.bundles[materials.champion.sha256], scratch) as url:
        ask(url, invocations, server="mlflow models serve", connections=8, seconds=WARM_S)
        runs += [
            ask(url, invocations, server="mlflow models serve", connections=n, seconds=seconds) for n in CONNECTIONS
        ]
    return runs


@click.command()
@click.option("--seconds", default=60, show_default=True, help="Of each run.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def main(*, seconds: int, as_json: bool) -> None:
    """Measure and print."""
    machine = look_at_machine(("fastapi", "uvicorn", "confluent-kafka", "onnxruntime", "mlflow"))
    with tempfile.TemporaryDirectory(prefix="fraud-http-bench-") as directory:
        scratch = Path(directory)
        materials = gather(ROOT / "var", scratch, lambda step: click.echo(step, err=True))
        with LocalBroker(scratch / "kafka") as broker:
            runs = measure(Field(broker.bootstrap, materials), materials, scratch, seconds)
    speed = HttpSpeed(machine, seconds, runs)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(speed), indent=1))
    else:
        _show(speed)


def _show(speed: HttpSpeed) -> None:
    table = Table(title=f"{speed.seconds} s each, {speed.machine.cores} cores, {speed.machine.cpu}")
    for name in ("server", "connections", "replies/s", "failed", "p50 ms", "p99 ms", "p99.9 ms"):
        table.add_column(name, justify="left" if name == "server" else "right")
    for run in speed.runs:
        server = run.server if run.pace is None else f"{run.server}, about {run.pace}/s"
        table.add_row(
            server, str(run.connections), f"{run.replies_per_second:,}", str(run.failed),
            *(f"{each:.1f}" for each in (run.p50_ms, run.p99_ms, run.p99_9_ms)),
        )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()

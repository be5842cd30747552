"""A release and a rollback with `python -m deploy.release` on compose, in containers, behind HAProxy and under traffic.

The tests build on each other, in this order; they start on services whose programs have been stopped.
"""

import http.client
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest
import yaml

from deploy.release.compose_command import COMMAND, FILES
from deploy.release.limits import DEFAULTS
from deploy.release.record import Outcome, Record
from schemas.messages import encode
from tests.compose import project
from tests.compose.conftest import Running, Traffic
from tests.compose.engine import Engine
from tests.compose.test_compose_up import decided
from tests.compose.traffic import Messages, later
from tests.deploy.compose import ROOT
from tests.support.until import until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]

WHERE = f"compose/{project.NAME}"
#: Few transactions and short watches, on a machine with two cores that runs all services: only failures count.
LIMITS = {"replay_minutes": 60, "watch_minutes": 0.2, "alone_minutes": 0.1, "interval_s": 1, "warm_up_s": 3}
LENIENT = {"patience_s": 60, "cpu_ratio": 100, "memory_growth_mib": 1024}
#: Requests per second, in each of which the stream gets as many transactions too.
RATE = 20


@dataclass
class Load:
    """Traffic over HTTP and on the stream.

    Attributes:
        statuses: Number of responses by status; 0 counts requests without a response.
        sent: Ids of the transactions of both ways.
    """

    running: Running
    transactions: Messages
    statuses: Counter[int] = field(default_factory=Counter)
    sent: set[str] = field(default_factory=set)

    @contextmanager
    def going(self, name: str) -> Iterator[None]:
        """Send transactions until the context exits."""
        stop = Event()
        thread = Thread(target=self._send, args=(name, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _send(self, name: str, stop: Event) -> None:
        second = 0
        while not stop.is_set():
            began_s = time.monotonic()
            by_http = later(self.transactions[:RATE], f"{name}-http-{second}")
            by_stream = later(self.transactions[RATE : 2 * RATE], f"{name}-stream-{second}")
            self.running.send(by_stream)
            # A connection lasts for a second, as a client's might.
            with closing(self._connection()) as connection:
                for transaction in by_http:
                    status, _ = self._request(connection, encode(transaction))
                    self.statuses[status] += 1
            self.sent |= {each.transaction_id for each in (*by_http, *by_stream)}
            second += 1
            stop.wait(max(0.0, began_s + 1 - time.monotonic()))

    def decide(self, transaction_id: str) -> bytes:
        """Return the response to one request."""
        body = encode(msgspec.structs.replace(self.transactions[0], transaction_id=transaction_id))
        with closing(self._connection()) as connection:
            status, decision = self._request(connection, body)
        assert status == 200, decision
        return decision

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.running.ports["BALANCER"], timeout=10)

    def _request(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.running.http_key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/predict", body, headers)
            response = connection.getresponse()
            decision = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0, b""
        return response.status, decision


@pytest.fixture(scope="module")
def load(traffic: Traffic) -> Load:
    """Traffic, which the tests start and stop."""
    (ROOT / "var" / "release" / project.NAME / "tracks.yml").unlink(missing_ok=True)
    return Load(traffic.running, traffic.transactions)


@pytest.fixture(scope="module")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The serving image, and the same one with another label as the next version; both by digest."""
    folder = tmp_path_factory.mktemp("next")
    (folder / "Containerfile").write_text("FROM localhost/fraud-stream-serving\nLABEL version=next\n", encoding="utf-8")
    engine.run("podman", "build", "--tag", "localhost/fraud-stream-next", "--pull=never", str(folder))
    names = ("localhost/fraud-stream-serving", "localhost/fraud-stream-next")
    digests = [engine.run("podman", "image", "inspect", "--format={{.Digest}}", name).stdout.strip() for name in names]
    old, new = (f"{name}@{digest}" for name, digest in zip(names, digests, strict=True))
    return old, new


def _release(load: Load, folder: Path, command: str, *options: str) -> tuple[Record, str]:
    """Run the release tool; return its record and its log."""
    transactions, out, limits = folder / "transactions.jsonl", folder / "record.json", folder / "limits.yaml"
    transactions.write_bytes(b"".join(encode(each) + b"\n" for each in load.transactions[:20]))
    limits.write_text(yaml.safe_dump(yaml.safe_load(DEFAULTS.read_text("utf-8")) | LIMITS | LENIENT), encoding="utf-8")
    compose = load.running.project
    environment = compose.environment | {
        COMMAND: " ".join(compose.program),
        FILES: ":".join(map(str, project.FILES)),
        "RELEASE_WORKERS": "1",
        "RELEASE_BALANCER": f"127.0.0.1:{load.running.ports['BALANCER_ADMIN']}",
        "RELEASE_API_KEY": load.running.http_key,
    }
    arguments = [command, WHERE, "--transactions", str(transactions), "--out", str(out), *options]
    if command != "first":
        arguments += ["--limits", str(limits)]
    done = subprocess.run(
        [sys.executable, "-m", "deploy.release", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert out.exists(), done.stdout + done.stderr
    return msgspec.json.decode(out.read_bytes(), type=Record), done.stdout + done.stderr


def _image(load: Load, service: str) -> str:
    return str(load.running.project.state(service)["ImageName"])


def test_the_first_release_replaces_edge_and_worker(load: Load, images: tuple[str, str], tmp_path: Path) -> None:
    """Blue serves behind the balancer with the image by digest; the ledger has it as well."""
    load.running.project.compose("start", "ledger", "archive")
    record, log = _release(load, tmp_path, "first", "--image", images[0])
    assert record.outcome is Outcome.RELEASED, log
    assert {_image(load, service) for service in ("http-blue-0", "worker-blue-0", "ledger")} == {images[0]}


def test_a_release_moves_traffic_without_a_failed_request(load: Load, images: tuple[str, str], tmp_path: Path) -> None:
    """Green takes over from blue, whose programs are stopped; every request is answered, and a repeat as before."""
    earlier = load.decide("repeated")
    with load.going("deploy"):
        record, log = _release(load, tmp_path, "deploy", "--image", images[1])
    assert record.outcome is Outcome.RELEASED, log
    assert set(load.statuses) == {200}, f"{load.statuses}\n{log}"
    assert {_image(load, service) for service in ("http-green-0", "worker-green-0", "ledger")} == {images[1]}
    for service in ("http-blue-0", "worker-blue-0"):
        assert load.running.project.state(service)["State"]["Status"] == "exited"
    assert re.search(r"all [0-9,]+ decisions are the same", log), log
    assert load.decide("repeated") == earlier


def test_a_rollback_moves_it_back(load: Load, images: tuple[str, str], tmp_path: Path) -> None:
    """Blue is started again as it was, with its own image, and every request is answered with a decision."""
    with load.going("rollback"):
        record, log = _release(load, tmp_path, "rollback")
    assert (record.outcome, record.track) == (Outcome.RELEASED, "blue"), log
    assert set(load.statuses) == {200}, f"{load.statuses}\n{log}"
    assert {_image(load, service) for service in ("http-blue-0", "worker-blue-0")} == {images[0]}
    assert load.running.project.state("http-green-0")["State"]["Status"] == "exited"


def test_each_transaction_was_decided_once(load: Load) -> None:
    """Nothing that was sent during release and rollback was lost or decided twice, on either way."""
    until(lambda: load.sent <= decided(load.running).keys(), 60)
    counts = decided(load.running)
    assert {counts[each] for each in load.sent} == {1}

"""Every program under a real Prometheus, with traffic that produces as many metrics as possible."""

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from deploy.observe.configuration import prometheus_config
from schemas.messages import Challenger, encode
from stream.control.role_writer import publish_roles
from stream.kafka.topics import create_topics
from stream.local.owned_process import OwnedProcess
from stream.runtime.ports import free_ports
from stream.settings import Settings
from tests.deploy.prometheus_process import Prometheus, running_prometheus
from tests.support.archive_process import ArchiveProcess
from tests.support.bundles import NUMERIC, put_bundle
from tests.support.http_process import HttpProcess
from tests.support.ledger_process import LedgerProcess
from tests.support.records import label
from tests.support.tool import tool
from tests.support.topics import produce_all
from tests.support.traffic import transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess

#: Number of transactions in a drift window, and in each round of traffic.
WINDOW = 300


def monitored_settings(bootstrap: str, directory: Path) -> Settings:
    """Create topics, publish a champion and a challenger, and return the settings."""
    prefix = uuid.uuid4().hex[:8]
    topics = {f"topic_{field}": f"{prefix}-{name}" for field, name in Settings().topic.names.items()}
    web, ledger, archive, http = free_ports(4)
    overrides = {
        "kafka_bootstrap": bootstrap,
        "kafka_group": f"{prefix}-group",
        "kafka_slot": prefix,
        "bundle_store": str(directory / "bundles"),
        "ledger_url": f"sqlite:///{directory}/ledger.db",
        "archive_url": str(directory / "archive"),
        "archive_file_s": 1.0,
        "drift_window_rows": WINDOW,
        "drift_interval_s": 0.2,
        "gate_interval_s": 0.5,
    }
    ports = {"web_port": web, "ledger_web_port": ledger, "archive_web_port": archive, "http_port": http}
    settings = Settings().replace(**topics, **overrides, **ports)
    create_topics(settings.kafka, settings.topic)
    store = Path(settings.bundle.store)
    champion, challenger = (put_bundle(store, v, bias=bias, reference=True) for v, bias in (("1", -4.0), ("2", -3.0)))
    publish_roles(
        settings.kafka, settings.topic, champion=champion, challengers=(Challenger(challenger),), author="test"
    )
    return settings


@contextlib.contextmanager
def monitored(bootstrap: str, directory: Path) -> Iterator[Prometheus]:
    """Run all programs with continuous traffic, and yield the Prometheus that scrapes them."""
    settings = monitored_settings(bootstrap, directory)
    node, prometheus_port = free_ports(2)
    with contextlib.ExitStack() as running:
        kinds = (WorkerProcess, LedgerProcess, ArchiveProcess, HttpProcess)
        programs = {kind.command: running.enter_context(kind(settings, directory)) for kind in kinds}
        command = [tool("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{node}"]
        running.callback(OwnedProcess(command, directory / "node.log").kill)
        ports = {name: program.web_port for name, program in programs.items()} | {
            "node": node,
            "prometheus": prometheus_port,
        }
        config = prometheus_config({name: f"127.0.0.1:{port}" for name, port in ports.items()}, scrape_s=1)
        prometheus = running.enter_context(running_prometheus(config, prometheus_port, directory))
        for program in programs.values():
            program.wait_ready()
        until(lambda: set(prometheus.targets().values()) == {"up"})
        edge = programs["http"]
        assert isinstance(edge, HttpProcess)
        running.enter_context(_traffic(settings, edge))
        yield prometheus


@contextlib.contextmanager
def _traffic(settings: Settings, edge: HttpProcess) -> Iterator[None]:
    """Send one round of traffic per second, so that every rate has a value."""
    stopping = threading.Event()

    def run() -> None:
        number = 0
        while not stopping.wait(1.0):
            _round(settings, edge, number)
            number += 1

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _round(settings: Settings, edge: HttpProcess, number: int) -> None:
    """Send a drifted window with an unknown feature, dead letters, labels, and requests over HTTP."""
    first = number * WINDOW
    # The values are far from the reference, so that the drift monitor raises an alarm after two windows.
    drifted = dict.fromkeys(NUMERIC, 1.5) | {"W1": 1.0}
    values = [transaction(n, features=drifted) if n % 2 else transaction(n) for n in range(first, first + WINDOW)]
    produce_all(
        settings.kafka.bootstrap, settings.topic.transactions, [(b"card", each) for each in [*values, b"{", b""]]
    )
    matched = encode(label(first, transaction_id=str(first), event_time_ms=time.time_ns() // 1_000_000))
    unmatched = encode(label(first + 1, transaction_id=f"unknown-{first}"))
    produce_all(
        settings.kafka.bootstrap, settings.topic.labels, [(b"t", each) for each in (matched, matched, unmatched, b"{")]
    )
    repeated = transaction(10**6 + number)
    for body in (repeated, repeated, transaction(2 * 10**6 + number, amount_minor=-1)):
        edge.predict(body)
    edge.client.get("/models")

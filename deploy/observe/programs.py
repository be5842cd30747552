"""Our own programs and a broker, on free ports of this machine; all of them end with the context."""

import contextlib
import os
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from schemas.errors import FraudError
from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.local.owned_process import OwnedProcess
from stream.runtime.ports import free_ports
from stream.settings import Settings
from training.registry.roles import TrainedRoles, publish

#: Commands of `fraud-stream`.
PROGRAMS = ("worker", "ledger", "http")
#: Seconds that they may take to get ready, and to stop.
READY_S = 60.0
STOP_S = 10.0


def settings_for(roles: TrainedRoles, broker: LocalBroker, scratch: Path) -> Settings:
    """Return settings for this run, with ports that are free now.

    The ledger's database lies among what is gone afterwards: it begins with its topics.
    """
    web, ledger, http = free_ports(3)
    return Settings().replace(
        kafka_bootstrap=broker.bootstrap,
        bundle_store=roles.store,
        kafka_slot="observe",
        web_port=web,
        ledger_web_port=ledger,
        http_port=http,
        ledger_url=f"sqlite:///{(scratch / 'ledger.db').absolute()}",
    )


def addresses(settings: Settings) -> dict[str, str]:
    """Return host:port of each program."""
    ports = (settings.web.port, settings.ledger.web_port, settings.http.port)
    return {name: f"127.0.0.1:{port}" for name, port in zip(PROGRAMS, ports, strict=True)}


@contextlib.contextmanager
def running(
    settings: Settings, roles: TrainedRoles, broker: LocalBroker, logs: Path, on_step: Callable[[str], object]
) -> Iterator[None]:
    """Run a broker with topics and published models, worker, ledger and HTTP edge.

    Args:
        settings: Of all of them.
        roles: Who decides and who watches.
        broker: Not started yet.
        logs: Receives what the programs print.
        on_step: Told what is being done.

    Raises:
        FraudError: If one does not get ready; its log says why.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(broker)
        on_step("Publishing the models, starting worker, ledger and HTTP edge")
        create_topics(settings)
        publish(roles, settings, "observe")
        environment = os.environ | settings.environment()
        started = {}
        for name in PROGRAMS:
            process = OwnedProcess([sys.executable, "-m", "stream.cli", name], logs / f"{name}.log", environment)
            stack.callback(process.stop, STOP_S)
            started[name] = process
        for name, process in started.items():
            _wait_ready(addresses(settings)[name], process, logs / f"{name}.log")
        yield


def _wait_ready(address: str, process: OwnedProcess, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.returncode is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/readyz", timeout=1):
            return
        time.sleep(0.05)
    raise FraudError(f"{log.stem} did not get ready; {log} says why")

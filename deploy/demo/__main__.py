"""The demo, from an empty directory to a summary. Exit code 1 when a transaction is missing or repeated."""

import contextlib
import logging
import os
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Self

from rich.console import Console

from deploy.demo.prepare import prepare
from deploy.demo.replay import replay
from deploy.demo.summary import show
from schemas.errors import FraudError
from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.local.owned_process import OwnedProcess
from stream.runtime.ports import free_port
from stream.settings import Settings
from training.registry.roles import TrainedRoles, publish

WORKER_LOG = Path("var/demo/worker.log")
#: Seconds that the worker may take to get ready, and to stop.
READY_S = 60.0
STOP_S = 10.0
FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Run the demo and return its exit code."""
    # What the Kafka client tries again by itself is no news here.
    logging.getLogger("stream").setLevel(logging.ERROR)
    try:
        prepared = prepare()
        with tempfile.TemporaryDirectory(prefix="fraud-demo-") as directory, _Running(prepared.roles, directory) as run:
            summary = replay(prepared, run.settings)
    except FraudError as error:
        Console(stderr=True).print(f"demo: {error}", style="red", markup=False)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    show(summary)
    return 0 if summary.holds else FAILED


class _Running:
    """A broker with topics and published models, and a worker that is ready; both end with the context."""

    def __init__(self, roles: TrainedRoles, directory: str) -> None:
        self._roles = roles
        self._broker = LocalBroker(Path(directory) / "kafka", brief=True)
        self._worker: OwnedProcess | None = None
        self.settings = Settings().replace(
            kafka_bootstrap=self._broker.bootstrap, bundle_store=roles.store, web_port=free_port(), kafka_slot="demo"
        )

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        with Console(stderr=True).status("Starting Kafka, publishing the models, starting the worker"):
            self._broker.start()
            create_topics(self.settings)
            publish(self._roles, self.settings, "demo")
            WORKER_LOG.parent.mkdir(parents=True, exist_ok=True)
            self._worker = OwnedProcess(
                [sys.executable, "-m", "stream.cli", "worker"], WORKER_LOG, os.environ | self.settings.environment()
            )
            self._wait_ready(self._worker)

    def _wait_ready(self, worker: OwnedProcess) -> None:
        url = f"http://{self.settings.web.host}:{self.settings.web.port}/readyz"
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and worker.returncode is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
                return
            time.sleep(0.05)
        raise FraudError(f"the worker did not get ready; {WORKER_LOG} says why")

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.stop(STOP_S)
        self._broker.close()


if __name__ == "__main__":
    sys.exit(main())

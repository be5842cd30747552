"""The demo: prepare data and models, replay transactions, print a summary. Exits with code 1 if a check fails."""

import contextlib
import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from deploy.demo.prepare import prepare
from deploy.demo.replay import replay
from deploy.demo.summary import show
from schemas.errors import FraudError
from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.local.program_process import stream_program
from stream.local.stack import Stack
from stream.runtime.ports import free_port
from stream.settings import Settings
from training.registry.roles import TrainedRoles, publish

WORKER_LOG = Path("var/demo/worker.log")
FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Run the demo and return its exit code."""
    # Hide the Kafka client's messages about retries.
    logging.getLogger("stream").setLevel(logging.ERROR)
    try:
        prepared = prepare()
        with (
            tempfile.TemporaryDirectory(prefix="fraud-demo-") as directory,
            _running_worker(prepared.roles, Path(directory)) as settings,
        ):
            summary = replay(prepared, settings)
    except FraudError as error:
        Console(stderr=True).print(f"demo: {error}", style="red", markup=False)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    show(summary)
    return 0 if summary.passed else FAILED


@contextlib.contextmanager
def _running_worker(roles: TrainedRoles, directory: Path) -> Iterator[Settings]:
    """Run a broker with topics and published models, and a worker that is ready; yield their settings."""
    broker = LocalBroker(directory / "kafka", brief=True)
    settings = Settings().replace(
        kafka_bootstrap=broker.bootstrap, bundle_store=roles.store, web_port=free_port(), kafka_slot="demo"
    )

    def prepare_topics() -> None:
        create_topics(settings.kafka, settings.topic)
        publish(roles, settings, "demo")

    WORKER_LOG.parent.mkdir(parents=True, exist_ok=True)
    stack = Stack(broker, [stream_program("worker", settings, WORKER_LOG)], prepare_topics)
    with contextlib.ExitStack() as running:
        with Console(stderr=True).status("Starting Kafka, publishing the models, starting the worker"):
            running.enter_context(stack)
        yield settings


if __name__ == "__main__":
    sys.exit(main())

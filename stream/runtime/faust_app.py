"""The empty Faust app to which our programs add their agents, timers and web pages."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import faust
from faust.app.base import BootStrategy

from stream.runtime.faust_security import faust_credentials
from stream.settings import KafkaSettings, WebSettings


class ProducerOnly(BootStrategy):
    """Boot strategy without Faust's consumer: messages arrive in batches through a batch channel instead."""

    enable_kafka_consumer = False


class WithoutKafka(BootStrategy):
    """Boot strategy without Faust's Kafka clients: only agents on batch channels, timers and web pages."""

    enable_kafka = False


def make_app(
    kafka: KafkaSettings,
    web: WebSettings,
    *,
    name: str | None = None,
    web_port: int | None = None,
    boot: type[BootStrategy] = ProducerOnly,
) -> faust.App:
    """Create a Faust app with our brokers, security and web server.

    Args:
        kafka: Settings for the Kafka connection, the group and the process's slot (its fixed name in the group).
        web: Settings with the host of the web pages, and their port unless `web_port` is given.
        name: Name of the app; by default the worker's group and slot.
        web_port: Port of the web pages; by default the worker's port.
        boot: Boot strategy, which decides which of Faust's Kafka clients start.

    Raises:
        SettingsError: If a certificate or a key cannot be read.
    """
    app = faust.App(
        name or f"{kafka.group}-{kafka.slot}",
        broker=[f"kafka://{address}" for address in kafka.bootstrap.split(",")],
        broker_credentials=faust_credentials(kafka),
        web_host=web.host,
        web_bind=web.host,
        web_port=web_port or web.port,
        topic_allow_declare=False,
        topic_disable_leader=True,
    )
    app.boot_strategy = boot(app)
    return app


@contextlib.contextmanager
def data_directory(app: faust.App) -> Iterator[None]:
    """Give an app a temporary data directory, which Faust requires even without tables. It stays empty."""
    with tempfile.TemporaryDirectory(prefix="fraud-") as directory:
        app.conf.datadir = Path(directory)
        yield

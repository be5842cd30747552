"""The empty Faust app that our programs hang their agents, timers and pages on."""

from pathlib import Path

import faust
from faust.app.base import BootStrategy

from stream.runtime.faust_security import faust_credentials
from stream.settings import KafkaSettings, WebSettings


class ProducerOnly(BootStrategy):
    """Faust without its consumer: messages come in batches over a batch channel instead."""

    enable_kafka_consumer = False


class WithoutKafka(BootStrategy):
    """Faust without any Kafka client of its own: agents on batch channels, timers and pages only."""

    enable_kafka = False


def make_app(
    kafka: KafkaSettings,
    web: WebSettings,
    directory: Path,
    *,
    name: str | None = None,
    web_port: int | None = None,
    boot: type[BootStrategy] = ProducerOnly,
) -> faust.App:
    """Make the app with our addresses, security and web server.

    Args:
        kafka: Kafka connection, group and slot.
        web: Address of the web pages.
        directory: Faust wants one even without tables; nothing of ours goes into it.
        name: Of the app; by default that of a worker's slot.
        web_port: Where its pages are; the worker's by default.
        boot: Which of Faust's Kafka clients start.
    """
    app = faust.App(
        name or f"{kafka.group}-{kafka.slot}",
        broker=[f"kafka://{address}" for address in kafka.bootstrap.split(",")],
        broker_credentials=faust_credentials(kafka),
        web_host=web.host,
        web_bind=web.host,
        web_port=web_port or web.port,
        topic_allow_declare=False,
        datadir=str(directory),
        topic_disable_leader=True,
    )
    app.boot_strategy = boot(app)
    return app

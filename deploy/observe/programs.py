"""Worker, ledger and HTTP edge with a broker, on free ports of this machine."""

from collections.abc import Callable
from pathlib import Path

from stream.kafka.topics import create_topics
from stream.local.broker import LocalBroker
from stream.local.program_process import program_address, stream_program
from stream.local.stack import Stack
from stream.runtime.ports import free_ports
from stream.settings import Settings
from training.registry.roles import TrainedRoles, publish

#: Commands of `fraud-stream` that start the programs.
PROGRAMS = ("worker", "ledger", "http")


def settings_for(roles: TrainedRoles, broker: LocalBroker, scratch: Path) -> Settings:
    """Return the settings of this run, with free ports.

    The ledger's database is in `scratch`, so it starts empty, like the broker's topics.
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
    return {name: program_address(name, settings) for name in PROGRAMS}


def make_stack(
    settings: Settings, roles: TrainedRoles, broker: LocalBroker, logs: Path, on_step: Callable[[str], object]
) -> Stack:
    """Return a broker with topics and published models, and worker, ledger and HTTP edge on it.

    Args:
        settings: Settings of all programs.
        roles: Champion and challengers to publish.
        broker: The broker, not started yet.
        logs: Directory that receives the programs' output.
        on_step: Function called with the name of each step, for a progress display.
    """

    def prepare() -> None:
        on_step("Publishing the models, starting worker, ledger and HTTP edge")
        create_topics(settings.kafka, settings.topic)
        publish(roles, settings, "observe")

    return Stack(broker, [stream_program(name, settings, logs / f"{name}.log") for name in PROGRAMS], prepare)

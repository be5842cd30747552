"""`fraud-train publish`."""

from pathlib import Path

import click

from stream.commands.command_line import examples
from stream.settings import read_settings
from training.commands.options import roles_option
from training.registry.roles import load_roles, publish


@click.command("publish", epilog=examples("fraud-train publish --bootstrap 127.0.0.1:9092"))
@roles_option
@click.option("--bootstrap", help="Kafka, host:port.  [default: FRAUD_KAFKA_BOOTSTRAP]")
def publish_command(roles: Path, bootstrap: str | None) -> None:
    """Publish the last baseline's models again, for example to a fresh broker."""
    settings = read_settings()
    settings = settings.replace(kafka_bootstrap=bootstrap or settings.kafka.bootstrap)
    update = publish(load_roles(roles), settings, "baseline, published again")
    click.echo(f"published as roles {update.epoch}: champion {update.champion.path}")

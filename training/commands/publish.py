"""The command `fraud-train publish`."""

from pathlib import Path

import click

from stream.commands.command_line import examples
from training.commands.options import roles_option
from training.commands.registry_options import bootstrap_option, kafka_settings
from training.registry.roles import load_roles, publish


@click.command(
    "publish",
    epilog=examples("fraud-train publish --bootstrap 127.0.0.1:9092"),
)
@roles_option
@bootstrap_option
def publish_command(roles: Path, bootstrap: str | None) -> None:
    """Publish the models from the last baseline again, for example to a new broker."""
    settings = kafka_settings(bootstrap)
    update = publish(load_roles(roles), settings, "baseline, published again")
    challengers = ", ".join(challenger.bundle.path for challenger in update.challengers) or "none"
    click.echo(f"published as role epoch {update.epoch}: champion {update.champion.path}, challengers {challengers}")

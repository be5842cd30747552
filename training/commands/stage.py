"""`fraud-train stage`."""

import click

from stream.commands.command_line import examples
from training.commands.options import store_option
from training.commands.registry_options import bootstrap_option, open_promoter, who_option


@click.command(
    epilog=examples(
        "fraud-train stage 4",
        'fraud-train stage 4 --watch --why "tuned LightGBM" --bootstrap 127.0.0.1:9092',
    )
)
@click.argument("version")
@click.option("--watch", is_flag=True, help="Make it a challenger: it scores in the shadow and decides nothing.")
@click.option("--why", help="The reason, kept in the history; wanted with --watch.")
@who_option
@bootstrap_option
@store_option
def stage(version: str, *, watch: bool, why: str | None, who: str, bootstrap: str | None, store: str | None) -> None:
    """Give VERSION (a number or an alias) the alias `staging`, or with --watch the role of challenger."""
    if watch and not why:
        raise click.UsageError("--watch changes the roles, so say --why")
    desk = open_promoter(store, bootstrap)
    if watch:
        entry = desk.challenge(version, who=who, why=why or "")
        told = f", published as roles {entry.change.role_epoch}" if entry.change.role_epoch else ""
        click.echo(f"bundle {entry.change.challengers[0].bundle.path} watches{told}")
    else:
        click.echo(f"version {desk.stage(version).number} is staged")

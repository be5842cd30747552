"""The command `fraud-train stage`."""

import click

from stream.commands.command_line import examples
from stream.commands.role_change_options import author_option
from training.commands.options import store_option
from training.commands.registry_options import bootstrap_option, open_promoter


@click.command(
    epilog=examples(
        "fraud-train stage 4",
        'fraud-train stage 4 --watch --reason "tuned LightGBM" --bootstrap 127.0.0.1:9092',
    ),
)
@click.argument("version")
@click.option("--watch", is_flag=True, help="Make the version a challenger, which scores but never decides.")
@click.option("--reason", help="Reason for the change, recorded in the history; required with --watch.")
@author_option
@bootstrap_option
@store_option
def stage(
    version: str, *, watch: bool, reason: str | None, author: str, bootstrap: str | None, store: str | None
) -> None:
    """Stage VERSION, a version number or an alias, for promotion.

    The version gets the alias `staging` or, with --watch, becomes a challenger.
    """
    if watch and not reason:
        raise click.UsageError("--watch changes the roles, so it requires --reason")
    promoter = open_promoter(store, bootstrap)
    if watch:
        change = promoter.challenge(version, author=author, reason=reason or "").change
        click.echo(
            f"bundle {change.challengers[0].bundle.path} is a challenger, published as role epoch {change.role_epoch}"
        )
    else:
        click.echo(f"version {promoter.stage(version).number} is staged")

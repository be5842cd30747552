"""The command `fraud-train rollback`."""

import click

from stream.commands.command_line import examples
from stream.commands.role_change_options import author_option
from training.commands.options import store_option
from training.commands.registry_options import bootstrap_option, open_promoter, reason_option


@click.command(
    epilog=examples('fraud-train rollback --reason "twice the alerts" --bootstrap 127.0.0.1:9092'),
)
@reason_option
@author_option
@bootstrap_option
@store_option
def rollback(reason: str, author: str, bootstrap: str | None, store: str | None) -> None:
    """Make the previous champion the champion again.

    A second rollback in a row is rejected, because it would restore the model that was just rolled back. Promote a
    version by its number instead.
    """
    change = open_promoter(store, bootstrap).rollback(author=author, reason=reason).change
    click.echo(f"champion is bundle {change.champion.path}, published as role epoch {change.role_epoch}")

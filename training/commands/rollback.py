"""`fraud-train rollback`."""

import click

from stream.commands.command_line import examples
from training.commands.options import store_option
from training.commands.registry_options import bootstrap_option, open_promoter, who_option, why_option


@click.command(epilog=examples('fraud-train rollback --why "twice the alerts" --bootstrap 127.0.0.1:9092'))
@why_option
@who_option
@bootstrap_option
@store_option
def rollback(why: str, who: str, bootstrap: str | None, store: str | None) -> None:
    """Make the previous champion champion again.

    Only once: a second rollback would bring back what was taken away, so it is refused; promote by number instead.
    """
    change = open_promoter(store, bootstrap).rollback(who=who, why=why).change
    told = f", published as roles {change.role_epoch}" if change.role_epoch else ""
    click.echo(f"champion is bundle {change.champion.path}{told}")

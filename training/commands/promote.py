"""`fraud-train promote`."""

import click

from stream.commands.command_line import examples
from training.commands.options import store_option
from training.commands.registry_options import bootstrap_option, open_promoter, who_option, why_option


@click.command(
    epilog=examples(
        'fraud-train promote 4 --why "PR-AUC +.02 (.01 to .03)" --evidence compare.html',
        'fraud-train promote staging --why "same data, half the cost" --bootstrap 127.0.0.1:9092',
    )
)
@click.argument("version")
@why_option
@click.option("--evidence", default="", metavar="FILE|URL", help="What it rests on; a file is kept in the model's run.")
@who_option
@bootstrap_option
@store_option
def promote(version: str, *, why: str, evidence: str, who: str, bootstrap: str | None, store: str | None) -> None:
    """Make VERSION (a number or an alias) champion; today's champion becomes `previous`.

    With --bootstrap the change is made on Kafka's control topic and MLflow follows; without, in MLflow only. Of two
    at once the second is refused.
    """
    desk = open_promoter(store, bootstrap)
    change = desk.promote(version, who=who, why=why, evidence=evidence).change
    told = f", published as roles {change.role_epoch}" if change.role_epoch else ""
    click.echo(f"champion is bundle {change.champion.path}{told}")

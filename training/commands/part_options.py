"""Options of the commands that work on one part of the data."""

import click

from training.commands.options import file_path
from training.offline import PARTS

part_option = click.option(
    "--part", type=click.Choice(PARTS), default="test", show_default=True, help="Part of the time-ordered split."
)
out_option = click.option("--out", type=file_path, required=True, help="File to write.")

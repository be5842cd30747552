"""Options that the commands with a validation share."""

import click

from training.commands.options import file_path

thresholds_option = click.option(
    "--thresholds",
    type=file_path,
    help="YAML file with the limits of the checks, and which checks are required.  [default: "
    "training/configs/validation.yaml]",
)

"""Options and output shared by all commands that change roles."""

import getpass

import click

from schemas.messages import ModelUpdate


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "fraud-stream"


reason_option = click.option("--reason", required=True, help="Reason for the change, recorded permanently.")
author_option = click.option(
    "--author", default=_user, show_default="your user name", help="Person or program behind the change."
)
epoch_option = click.option(
    "--epoch",
    type=click.IntRange(0),
    help="Role epoch that the change is based on; the change is rejected if there is a newer epoch.",
)


def confirmation(update: ModelUpdate) -> str:
    """Return the text of the line that confirms a change of roles."""
    return f"roles {update.epoch} written; every worker follows with its next batch"

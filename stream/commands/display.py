"""What the commands share: examples in help texts, and who is asking."""

import getpass
from datetime import UTC, datetime

import click

from schemas.messages import ModelUpdate


def examples(*lines: str) -> str:
    """Return a help text's epilog."""
    # A backspace on a line of its own keeps click from re-wrapping what follows.
    return "\n".join(("\b", "Example:", *(f"  {line}" for line in lines)))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "fraud-stream"


why_option = click.option("--why", required=True, help="The reason, kept in the topic for ever.")
who_option = click.option("--who", default=_user, show_default="your user name", help="Who decided it.")
epoch_option = click.option(
    "--epoch", type=click.IntRange(0), help="The role epoch you looked at; refused if it has changed since."
)


def moment(ms: int) -> str:
    """Return UTC milliseconds as people read them."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def written(update: ModelUpdate) -> str:
    """Say what was written."""
    return f"roles {update.epoch} written; every worker follows at its next batch"

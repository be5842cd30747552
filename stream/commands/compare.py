"""`fraud-stream compare`."""

import click

from stream.commands.command_line import examples
from stream.commands.optional_packages import requires_extra
from stream.settings import read_settings


@click.command(
    epilog=examples(
        "fraud-stream compare",
        "fraud-stream compare 3fa4c1 --days 30",
    )
)
@click.argument("challenger", required=False, metavar="[SHA256]")
@click.option(
    "--days",
    type=click.IntRange(1),
    default=14,
    show_default=True,
    help="Number of most recent days of event time to show.",
)
def compare(challenger: str | None, days: int) -> None:
    """Show which decisions challengers would have changed, and the state of their gate tests.

    SHA256 is the beginning of a bundle's hash. Without SHA256, all challengers in a role are shown. For each day of
    event time, the table shows how many verdicts differ and, for matured transactions, the money saved and lost, the
    false positives removed and added, and the frauds gained and lost.
    """
    with requires_extra("ledger", "the comparison"):
        from stream.commands.challenger_changes import show  # noqa: PLC0415 - a worker's image has no SQLAlchemy
    show(read_settings(), challenger or "", days)

"""`fraud-stream produce`."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from stream.commands.command_line import examples
from stream.kafka.send_file import send_file
from stream.settings import read_settings


class Rate(click.ParamType):
    """Number of transactions per second, or `max`."""

    name = "N|max"

    def convert(
        self, value: str | float | None, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """Parse a rate; return a positive number, or None for `max`."""
        if value is None or value == "max":
            return None
        try:
            rate = float(value)
        except ValueError:
            rate = 0.0
        if not 0 < rate < float("inf"):
            self.fail(f"{value!r} is neither a positive number nor max", param, ctx)
        return rate


@click.command(
    epilog=examples(
        "fraud-stream produce var/data/test.jsonl --rate 2000",
        "fraud-stream produce var/data/test.jsonl --rate max",
    )
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--rate",
    type=Rate(),
    default="max",
    show_default=True,
    metavar="N|max",
    help="Number of transactions to send per second.",
)
def produce(file: Path, rate: float | None) -> None:
    """Send the transactions in FILE, one JSON object per line, to the transactions topic."""
    settings = read_settings()
    with file.open("rb") as lines:
        total = sum(1 for _ in lines)
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        sent = send_file(settings.kafka, settings.topic, file, rate, lambda n: progress.advance(task, n))
    click.echo(f"{sent} transactions sent to {settings.topic.transactions}")

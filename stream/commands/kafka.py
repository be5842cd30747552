"""`fraud-stream kafka`."""

import threading
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console

from stream.commands.command_line import examples, until_stopped
from stream.local.broker import LocalBroker


@click.command(
    epilog=examples(
        "fraud-stream kafka --port 19092 --dir /tmp/kafka",
    )
)
@click.option("--port", type=click.IntRange(1, 65535), default=9092, show_default=True, help="Port for clients.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/kafka"),
    show_default=True,
    help="Directory for the broker's data.",
)
def kafka(port: int, directory: Path) -> None:
    """Run a single-node Kafka broker on this machine until stopped; needs neither Docker nor an installed Java."""
    status = Console(stderr=True).status("Kafka")
    with until_stopped(), closing(LocalBroker(directory, port=port, on_step=status.update)) as broker:
        with status:
            broker.start()
        click.echo(f"Kafka is running at {broker.bootstrap}, data in {directory}. Stop it with Ctrl-C.", err=True)
        threading.Event().wait()

"""`fraud-stream kafka`."""

import threading
from pathlib import Path

import click
from rich.console import Console

from stream.commands.command_line import examples
from stream.local.broker import LocalBroker


@click.command(
    epilog=examples(
        "fraud-stream kafka --port 19092 --dir /tmp/kafka",
    )
)
@click.option("--port", type=click.IntRange(1, 65535), default=9092, show_default=True, help="For clients.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/kafka"),
    show_default=True,
    help="Keeps the broker's data.",
)
def kafka(port: int, directory: Path) -> None:
    """Run a real Kafka on this machine until stopped: one node, no Docker, no installed Java."""
    with Console(stderr=True).status("Kafka") as status:
        broker = LocalBroker(directory, port=port, on_step=status.update)
        broker.start()
    try:
        click.echo(f"Kafka answers at {broker.bootstrap}; its data are in {directory}. Ctrl-C stops it.", err=True)
        threading.Event().wait()
    finally:
        broker.close()

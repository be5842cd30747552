"""`fraud-stream`: the command line of the stream."""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from schemas.errors import FraudError
from stream.settings import Settings, read_settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Score card transactions on Kafka. Settings are FRAUD_… variables; .env.example names them all."""


@cli.command()
def worker() -> None:
    """Score transactions until stopped.

    \b
    Example:
      FRAUD_BOOTSTRAP=kafka-1:9092 FRAUD_SLOT=a fraud-stream worker
    """
    from stream.app import WorkerProgram
    settings = read_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    async def go():
        await WorkerProgram(settings).run()
    asyncio.run(go())


@cli.command()
def topics() -> None:
    """Create the topics that are not there yet."""
    from stream.kafka.topics import create_topics
    for name in create_topics(read_settings()):
        click.echo(name)


def main() -> None:
    """Run the command line; every foreseen error is one line."""
    try:
        cli()
    except FraudError as error:
        click.echo(f"fraud-stream: {error}", err=True)
        sys.exit(1)

if __name__ == "__main__":
    main()

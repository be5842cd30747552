"""`fraud-stream worker`."""

import asyncio

import click

from stream.commands.command_line import examples
from stream.commands.logging_setup import set_up_logging
from stream.serving.tracing import set_up_tracing
from stream.settings import Settings, read_settings


@click.command(
    epilog=examples(
        "FRAUD_KAFKA_BOOTSTRAP=kafka:9092 FRAUD_KAFKA_SLOT=a FRAUD_WEB_PORT=6067 fraud-stream worker",
    )
)
def worker() -> None:
    """Score transactions until stopped. On SIGTERM or Ctrl-C, the batches in flight are completed first.

    Workers share the partitions of the transactions topic; each worker needs its own slot.
    """
    settings = read_settings()
    set_up_logging(settings)
    set_up_tracing(settings.tracing, "worker", settings.kafka.slot)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    """Build a worker inside the running event loop and run it."""
    from stream.app import WorkerProgram  # noqa: PLC0415 - Faust takes a second to load, and --help does not need it

    await WorkerProgram(settings).run()

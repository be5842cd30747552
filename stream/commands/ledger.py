"""`fraud-stream ledger`."""

import asyncio
import functools

import click

from stream.commands.command_line import examples
from stream.commands.logging_setup import set_up_logging
from stream.commands.optional_packages import requires_extra
from stream.replay.parity import parity_gap
from stream.settings import read_settings


@click.command(
    epilog=examples(
        "fraud-stream ledger",
        "FRAUD_LEDGER_URL=postgresql+psycopg://fraud@db/fraud PGPASSWORD=… fraud-stream ledger",
    )
)
def ledger() -> None:
    """Write decisions, shadow scores, labels and role changes to a SQL database until stopped, each row exactly once.

    The ledger creates and migrates its tables. Ledger processes with the same database share the topics' partitions.
    """
    with requires_extra("ledger", "the ledger"):
        from stream.ledger.program import run_ledger  # noqa: PLC0415 - SQLAlchemy is an extra
    settings = read_settings()
    set_up_logging(settings)
    asyncio.run(run_ledger(settings, functools.partial(parity_gap, settings)))

"""`fraud-stream archive`."""

import asyncio

import click

from stream.commands.command_line import examples
from stream.commands.logging_setup import set_up_logging
from stream.commands.optional_packages import requires_extra
from stream.settings import read_settings


@click.command(
    "archive",
    epilog=examples(
        "fraud-stream archive",
        "FRAUD_ARCHIVE_URL=s3://bucket/fraud FRAUD_ARCHIVE_FILE_S=900 fraud-stream archive",
    ),
)
def archive_command() -> None:
    """Write transactions, decisions and labels to Parquet files until stopped, each message exactly once.

    Every message is kept as it was sent, even one that cannot be decoded. Archive processes with the same URL share the
    topics' partitions. docs/archive.md describes the layout of the files and how to read them.
    """
    with requires_extra("archive", "the archive"):
        from stream.archive.program import run_archive  # noqa: PLC0415 - pyarrow is an extra
    settings = read_settings()
    set_up_logging(settings)
    asyncio.run(run_archive(settings))

"""The command `fraud-train describe`."""

from pathlib import Path

import click

from schemas.errors import DataError
from stream.commands.command_line import examples


@click.command(
    epilog=examples("fraud-train describe mine.csv --out mine.yaml", "fraud-train describe s3://bucket/mine.parquet"),
)
@click.argument("file")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to create.  [default: stdout]")
def describe(file: str, out: Path | None) -> None:
    """Draft a description of FILE, a Parquet or CSV file given by its path or any fsspec URL.

    The draft guesses from column names and values which columns contain the label, time, amount, transaction id, card
    and features, and explains each guess in a comment. Check the draft before you train with it.
    """
    from training.data.describe import draft_description  # noqa: PLC0415 - Polars takes a second to import

    drafted = draft_description(file)
    if out is None:
        click.echo(drafted, nl=False)
        return
    try:
        # Never overwrite a description that somebody has edited.
        with out.open("x", encoding="utf-8") as target:
            target.write(drafted)
    except OSError as error:
        raise DataError(f"cannot write to {out} ({error.strerror}); choose another file with --out") from error
    click.echo(out)

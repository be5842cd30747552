"""`fraud-train describe`: a draft of what a data file's columns are."""

from pathlib import Path

import click

from schemas.errors import DataError
from stream.commands.command_line import examples


@click.command(
    epilog=examples("fraud-train describe mine.csv --out mine.yaml", "fraud-train describe s3://bucket/mine.parquet")
)
@click.argument("file")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: stdout]")
def describe(file: str, out: Path | None) -> None:
    """Draft the description of FILE: Parquet or CSV, a path or any fsspec URL.

    Which column is the label, the time, the amount, the id, the card and which are features is guessed from names and
    values, with a comment that says why. Read the draft before you train with it.
    """
    # Polars and scikit-learn take a second to import; other commands start at once.
    from training.data.describe import draft_description  # noqa: PLC0415

    drafted = draft_description(file)
    if out is None:
        click.echo(drafted, nl=False)
        return
    try:
        # Never over a description that somebody has mended.
        with out.open("x", encoding="utf-8") as target:
            target.write(drafted)
    except OSError as error:
        raise DataError(f"{out} cannot be written ({error.strerror})") from error
    click.echo(out)

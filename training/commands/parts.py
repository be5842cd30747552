"""`fraud-train export-stream` and `offline-scores`: what the stream is tested with."""

from pathlib import Path

import click

from stream.commands.command_line import examples
from training.commands.display import progress
from training.commands.options import data_option, description_option, file_path, roles_option
from training.commands.study_options import read_data
from training.offline import PARTS, Part, export_scores, export_stream, part_of
from training.registry.roles import load_roles

_part = click.option("--part", type=click.Choice(PARTS), default="test", show_default=True, help="Of the split.")
_out = click.option("--out", type=file_path, required=True, help="File to write.")


@click.command(
    "export-stream",
    epilog=examples(
        "fraud-train export-stream --part test --out var/data/test.jsonl",
        "fraud-stream produce var/data/test.jsonl --rate 2000",
    ),
)
@data_option
@description_option
@_part
@_out
def export_stream_command(data: str, description: Path | None, part: Part, out: Path) -> None:
    """Write a part of the data as transaction messages, JSON lines in order of event time."""
    with progress(2) as report:
        report("read the data")
        rows = part_of(read_data(data, description), part)
        report(f"write {len(rows):,} transactions")
        export_stream(rows, out)
    click.echo(out)


@click.command(
    "offline-scores", epilog=examples("fraud-train offline-scores --part test --out var/data/test-scores.parquet")
)
@data_option
@description_option
@_part
@_out
@roles_option
@click.option("--store", help="Bundle store.  [default: the one the models were put into]")
def offline_scores(
    *, data: str, description: Path | None, part: Part, out: Path, roles: Path, store: str | None
) -> None:
    """Score a part of the data with the last baseline's models, to hold the stream's decisions against."""
    trained = load_roles(roles)
    with progress(2) as report:
        report("read the data")
        rows = part_of(read_data(data, description), part)
        report(f"score {len(rows):,} transactions")
        export_scores(rows, trained, store or trained.store, out)
    click.echo(out)

"""The command `fraud-train export-stream`."""

from pathlib import Path

import click

from stream.commands.command_line import examples
from training.commands.display import progress
from training.commands.options import data_option, description_option
from training.commands.part_options import out_option, part_option
from training.data.dataset import load
from training.data.description import read_description
from training.offline import Part, export_stream, part_of


@click.command(
    "export-stream",
    epilog=examples(
        "fraud-train export-stream --part test --out var/data/test.jsonl",
        "fraud-stream produce var/data/test.jsonl --rate 2000",
    ),
)
@data_option
@description_option
@part_option
@out_option
def export_stream_command(data: str, description: Path | None, part: Part, out: Path) -> None:
    """Write one split of the data as transaction messages, one JSON object per line, in order of event time."""
    with progress(2) as report:
        report("read the data")
        rows = part_of(load(data, read_description(description) if description else None), part)
        report(f"write {len(rows):,} transactions")
        export_stream(rows, out)
    click.echo(out)

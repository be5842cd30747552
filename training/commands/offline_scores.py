"""The command `fraud-train offline-scores`."""

from pathlib import Path

import click

from stream.commands.command_line import examples
from training.commands.display import progress
from training.commands.options import data_option, description_option, roles_option
from training.commands.part_options import out_option, part_option
from training.data.dataset import load
from training.data.description import read_description
from training.offline import Part, export_scores, part_of
from training.registry.roles import load_roles


@click.command(
    "offline-scores",
    epilog=examples("fraud-train offline-scores --part test --out var/data/test-scores.parquet"),
)
@data_option
@description_option
@part_option
@out_option
@roles_option
@click.option("--store", help="Bundle store.  [default: the store that the baseline wrote to]")
def offline_scores(
    *, data: str, description: Path | None, part: Part, out: Path, roles: Path, store: str | None
) -> None:
    """Score one split of the data with the last baseline's models, for comparison with the stream's decisions."""
    trained = load_roles(roles)
    with progress(2) as report:
        report("read the data")
        rows = part_of(load(data, read_description(description) if description else None), part)
        report(f"score {len(rows):,} transactions")
        export_scores(rows, trained, store or trained.store, out)
    click.echo(out)

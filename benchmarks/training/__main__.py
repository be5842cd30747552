"""`python -m benchmarks.training`: command line of the training benchmark."""

from pathlib import Path

import click
from rich.console import Console

from benchmarks.training.report import render, to_json
from stream.commands.command_line import examples, run
from training.commands.display import progress
from training.commands.options import DATA_DIR
from training.data.description import ULB_FILE

_DATA = DATA_DIR / ULB_FILE
_file = click.Path(path_type=Path, dir_okay=False)


@click.command(
    epilog=examples("python -m benchmarks.training", "python -m benchmarks.training --runs 5 --json > bench.json")
)
@click.option("--data", type=_file, default=_DATA, show_default=True, help="Parquet or CSV file with the data.")
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Number of runs of each step; the median is reported.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def bench(data: Path, runs: int, as_json: bool) -> None:
    """Measure CSV to Parquet, loading Parquet, feature matrices, one study trial, ONNX export and parity.

    The trial fits the champion's LightGBM on the training split and scores the validation split; export includes
    opening the written graph. Each step runs alone in its own process, and its duration and peak memory are measured.
    """
    with progress(1) as report:
        report("load Polars")
        from benchmarks.training.run import progress_steps, run_benchmark  # noqa: PLC0415 - --help does not need Polars
    with progress(progress_steps(runs)) as report:
        result = run_benchmark(data, runs, report)
    if as_json:
        click.echo(to_json(result))
    else:
        Console().print(render(result))


if __name__ == "__main__":
    run(bench, "benchmarks.training")

"""`python -m benchmarks.training`: seconds and memory of the steps of training."""

from pathlib import Path

import click
from rich.console import Console

from stream.commands.command_line import run
from training.commands.display import examples, progress
from training.commands.options import DATA_DIR
from training.data.description import ULB_FILE

_DATA = DATA_DIR / ULB_FILE
_a_path = click.Path(path_type=Path, dir_okay=False)


@click.command(
    epilog=examples("python -m benchmarks.training", "python -m benchmarks.training --runs 5 --json > bench.json")
)
@click.option("--data", type=_a_path, default=_DATA, show_default=True, help="Parquet or CSV file.")
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Of each step; the median counts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout instead of a table.")
def bench(data: Path, runs: int, as_json: bool) -> None:
    """Measure CSV to Parquet, loading Parquet, feature matrices, one study trial, export and parity.

    The trial fits the champion's LightGBM on the training part and scores validation; export opens the graph it wrote.
    Each step runs in a process of its own and is measured alone: seconds, and the process's highest memory.
    """
    with progress(1) as report:
        report("load the boosters")
        # They take seconds to import; --help starts at once.
        from benchmarks.training.report import render, to_json  # noqa: PLC0415
        from benchmarks.training.run import calls, run_bench  # noqa: PLC0415
    with progress(calls(runs)) as report:
        found = run_bench(data, runs, report)
    if as_json:
        click.echo(to_json(found))
    else:
        Console().print(render(found))


if __name__ == "__main__":
    run(bench, "benchmarks.training")

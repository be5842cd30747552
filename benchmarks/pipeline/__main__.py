"""`python -m benchmarks.pipeline`."""

import click
from rich.console import Console

from benchmarks.pipeline.report import render, to_json
from benchmarks.pipeline.run import RIVALS, BenchOptions, run_bench
from stream.commands.command_line import run
from stream.commands.display import examples


@click.command(
    epilog=examples(
        "python -m benchmarks.pipeline --json > bench.json",
        "python -m benchmarks.pipeline --quick --rival confluent_loop",
        "python -m benchmarks.pipeline --soak",
    )
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout instead of a table.")
@click.option(
    "--runs", type=click.IntRange(1), default=5, show_default=True, help="Of each program; the median counts."
)
@click.option("--seconds", type=click.FloatRange(1), default=20, show_default=True, help="Of a run, about.")
@click.option("--quick", is_flag=True, help="One short run of each, to see that everything works.")
@click.option(
    "--rival", "rivals", type=click.Choice(list(RIVALS)), multiple=True, help="Only this one; may be repeated."
)
@click.option("--no-latency", is_flag=True, help="Leave the latency out.")
@click.option("--no-shadows", is_flag=True, help="Leave out what each further challenger costs.")
@click.option("--no-drift", is_flag=True, help="Leave out what counting for drift costs.")
@click.option("--soak", is_flag=True, help="Also send two million transactions, for the growth of memory.")
def bench(
    *,
    as_json: bool,
    runs: int,
    seconds: float,
    quick: bool,
    rivals: tuple[str, ...],
    no_latency: bool,
    no_shadows: bool,
    no_drift: bool,
    soak: bool,
) -> None:
    """Measure the worker beside other pipelines, in one run on one broker of its own.

    Exactly once, with validation, metrics, a champion and a challenger: throughput of the worker, a plain
    confluent-kafka loop, Quix Streams and plain Faust; then the worker's latency, memory, start and stop.
    """
    options = BenchOptions(
        runs,
        seconds,
        quick,
        rivals or tuple(RIVALS),
        latency=not no_latency,
        soak=soak,
        shadows=not no_shadows,
        drift=not no_drift,
    )
    report = run_bench(options)
    if as_json:
        click.echo(to_json(report))
    else:
        Console().print(render(report))


if __name__ == "__main__":
    run(bench, "benchmarks.pipeline")

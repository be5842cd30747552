"""`python -m benchmarks.pipeline`: command line of the pipeline benchmark."""

import click
from rich.console import Console

from benchmarks.pipeline.options import BASELINES, BenchmarkOptions
from benchmarks.pipeline.report import render, to_json
from stream.commands.command_line import examples, run


@click.command(
    epilog=examples(
        "python -m benchmarks.pipeline --json > bench.json",
        "python -m benchmarks.pipeline --quick --baseline confluent_loop",
        "python -m benchmarks.pipeline --soak",
    )
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Number of runs of each program; the median is reported.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    default=20,
    show_default=True,
    help="Approximate duration of a run, in seconds.",
)
@click.option("--quick", is_flag=True, help="Run each program once, briefly, to check that everything works.")
@click.option(
    "--baseline",
    "baselines",
    type=click.Choice(list(BASELINES)),
    multiple=True,
    help="Measure only this baseline; may be given more than once.",
)
@click.option("--no-latency", is_flag=True, help="Skip measuring latency.")
@click.option("--no-shadows", is_flag=True, help="Skip measuring the cost of each additional challenger.")
@click.option("--no-drift", is_flag=True, help="Skip measuring the cost of drift counting.")
@click.option("--soak", is_flag=True, help="Also send two million transactions and measure memory growth.")
def bench(
    *,
    as_json: bool,
    runs: int,
    seconds: float,
    quick: bool,
    baselines: tuple[str, ...],
    no_latency: bool,
    no_shadows: bool,
    no_drift: bool,
    soak: bool,
) -> None:
    """Measure the worker against other pipelines on one local broker.

    The worker runs with exactly-once delivery, validation, metrics, a champion and a challenger. Its throughput is
    compared with a plain confluent-kafka loop, Quix Streams and plain Faust; then its latency, memory, start and stop
    are measured.
    """
    options = BenchmarkOptions(
        runs,
        seconds,
        quick,
        baselines or tuple(BASELINES),
        latency=not no_latency,
        soak=soak,
        shadows=not no_shadows,
        drift=not no_drift,
    )
    from benchmarks.pipeline.run import run_benchmark  # noqa: PLC0415 - MLflow and the boosters take seconds to import

    report = run_benchmark(options)
    if as_json:
        click.echo(to_json(report))
    else:
        Console().print(render(report))


if __name__ == "__main__":
    run(bench, "benchmarks.pipeline")

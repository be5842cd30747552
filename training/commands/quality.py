"""The command `fraud-train quality`."""

from typing import Any

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.options import VAR, data_option, description_option, file_path, store_option
from training.commands.study_options import CONFIGS, SPLIT_PLAN, accept_option

_SPLITS, _MODELS = 10, 5


@click.command(
    epilog=examples(
        "fraud-train quality --study default", "fraud-train quality --study quick --splits 3 --out mine.md"
    ),
)
@click.option("--study", "name", required=True, help="Name of the study, which must be finished.")
@click.option(
    "--plan",
    type=file_path,
    default=CONFIGS / SPLIT_PLAN,
    help=f"YAML plan for the studies on stratified splits.  [default: training/{CONFIGS.name}/{SPLIT_PLAN}]",
)
@click.option(
    "--splits",
    type=click.IntRange(min=2),
    default=_SPLITS,
    show_default=True,
    help="Number of stratified splits, with seeds 0, 1, 2, …",
)
@click.option(
    "--models",
    type=click.IntRange(min=2),
    default=_MODELS,
    show_default=True,
    help="Number of models to train on the time-ordered split, with seeds 0, 1, 2, …",
)
@click.option(
    "--features",
    type=file_path,
    help="YAML feature set that the study used.  [default: all feature columns and the amount]",
)
@click.option("--out", type=file_path, default=VAR / "quality.md", show_default=True, help="Markdown file to write.")
@data_option
@description_option
@store_option
@accept_option
def quality(**options: Any) -> None:
    """Measure how much the metrics of a finished study vary over seeds, for comparison with published results.

    The study's chosen entry is fitted with each model seed on the time-ordered split. In addition, a separate study is
    run on each stratified split. Every evaluation of a test set is counted, and the metrics for all seeds are
    reported. Run `fraud-train evaluate --final` on the study first. If the command is
    killed, run it again: splits that have already been measured are skipped.
    """
    console = Console(stderr=True)
    with console.status("load MLflow, Optuna and the boosters"):
        from training.commands.jobs.quality import measure_quality  # noqa: PLC0415 - these take seconds to import
    measure_quality(**options, console=console)

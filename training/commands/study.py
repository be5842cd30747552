"""The command `fraud-train study`."""

import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.options import data_option, description_option, file_path
from training.commands.study_options import (
    CONFIGS,
    DEFAULT_PLAN,
    QUICK_PLAN,
    TRIALS,
    accept_option,
    alerts_option,
    review_cost_option,
)


@click.command(
    epilog=examples(
        "fraud-train study --quick",
        "fraud-train study --budget 20",
        "fraud-train study --data mine.csv --description mine.yaml --name mine",
    ),
)
@data_option
@description_option
@click.option("--features", type=file_path, help="YAML feature set.  [default: all feature columns and the amount]")
@click.option(
    "--plan", type=file_path, help=f"YAML plan of the study.  [default: training/{CONFIGS.name}/{DEFAULT_PLAN}]"
)
@click.option("--quick", is_flag=True, help="Use a small plan that takes about three minutes on two cores.")
@click.option("--name", help="Name of the study.  [default: the name in the plan]")
@click.option(
    "--budget",
    type=float,
    metavar="MINUTES",
    help="Time limit for the study; no work is started that would exceed it.  [default: none]",
)
@click.option(
    "--split",
    default="time",
    show_default=True,
    help="How to split the data: time, or stratified-SEED for metrics comparable with papers.",
)
@click.option(
    "--storage",
    default=f"sqlite:///{TRIALS}",
    envvar="OPTUNA_STORAGE",
    help=f"SQLAlchemy URL of the storage for Optuna's trials.  [default: {TRIALS}]",
)
@click.option(
    "--policy",
    type=click.Choice(["score", "expected_loss"]),
    help="Kind of the deployed policy.  [default: expected_loss if all amounts are in one currency, else score]",
)
@alerts_option
@review_cost_option
@click.option("--fresh", is_flag=True, help="Start a new study even if an unfinished one could be resumed.")
@accept_option
def study(*, plan: Path | None, quick: bool, **options: Any) -> None:
    """Compare model families and treatments of class imbalance, and build a bundle of the best model.

    Each combination in the plan is an entry: one row in the leaderboard and one child run in MLflow. Entries are tuned,
    scored and compared on rolling-origin folds inside the training split. The validation split is used for
    calibration and thresholds, and the test set is not used at all. The best entry has the highest PR-AUC of all
    entries that are cheap enough for the stream.

    To resume a study that was killed or ran out of time, repeat the command with the same plan and data.
    """
    started = time.perf_counter()
    if plan and quick:
        raise click.UsageError("--quick uses its own plan; give either --quick or --plan")
    console = Console(stderr=True)
    with console.status("load MLflow, Optuna and the boosters"):
        from training.commands.jobs.study import compare_families  # noqa: PLC0415 - these take seconds to import
    compare_families(
        plan=plan or CONFIGS / (QUICK_PLAN if quick else DEFAULT_PLAN), **options, console=console, started=started
    )

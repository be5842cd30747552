"""`fraud-train study`."""

import time
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.options import data_option, description_option, file_path
from training.commands.study_options import (
    CONFIGS,
    DEFAULT_PLAN,
    LOCK,
    QUICK_PLAN,
    TRIALS,
    accept_option,
    costs,
    known_leaks,
    open_mlflow,
    read_data,
    review_cost_option,
)


@click.command(
    epilog=examples(
        "fraud-train study --quick",
        "fraud-train study --budget 20",
        "fraud-train study --data mine.csv --description mine.yaml --name mine",
    )
)
@data_option
@description_option
@click.option("--features", type=file_path, help="YAML feature set.  [default: every column and the amount]")
@click.option("--plan", type=file_path, help=f"YAML that names what runs.  [default: {CONFIGS.name}/{DEFAULT_PLAN}]")
@click.option("--quick", is_flag=True, help="A small plan: three minutes on two cores.")
@click.option("--name", help="Name of the study.  [default: the plan's]")
@click.option("--budget", type=float, metavar="MINUTES", help="Begin nothing that would not be done by then.")
@click.option("--split", default="time", show_default=True, help="time, or stratified-SEED to compare with papers.")
@click.option("--storage", envvar="OPTUNA_STORAGE", help=f"Of the trials, a SQLAlchemy URL.  [default: {TRIALS}]")
@click.option("--policy", type=click.Choice(["score", "expected_loss"]), help="Kind.  [default: by currencies]")
@review_cost_option
@click.option("--fresh", is_flag=True, help="Begin anew even where there is one to go on with.")
@accept_option
def study(
    *,
    data: str,
    description: Path | None,
    features: Path | None,
    plan: Path | None,
    quick: bool,
    name: str | None,
    budget: float | None,
    split: str,
    storage: str | None,
    policy: Literal["score", "expected_loss"] | None,
    review_cost: int | None,
    fresh: bool,
    accepted: tuple[str, ...],
) -> None:
    """Try families and treatments on the training part, and make a bundle of the best.

    One parent run in MLflow and one child run an entry. Entries are searched, scored and chosen on rolling-origin folds
    inside the training part; the validation part serves calibration and thresholds, and nobody looks at the test part.

    A study that was killed, or that ran out of its budget, goes on where it was when it is called again with the same
    plan on the same data. The best has the highest PR-AUC of those that the stream can afford.
    """
    started = time.perf_counter()
    if plan and quick:
        raise click.UsageError("--quick is a plan of its own; leave it or --plan out")
    console = Console(stderr=True)
    with console.status("load MLflow, Optuna and the boosters"):
        # They take seconds to import; help and bad usage are told at once.
        from training.data.featureset import DEFAULT, read_feature_set  # noqa: PLC0415
        from training.study.budget import Budget  # noqa: PLC0415
        from training.study.leaderboard import table  # noqa: PLC0415
        from training.study.lock import only_one  # noqa: PLC0415
        from training.study.plan import load_plan  # noqa: PLC0415
        from training.study.progress import StudyProgress  # noqa: PLC0415
        from training.study.runs import StudyRuns  # noqa: PLC0415
        from training.study.search import open_storage  # noqa: PLC0415
        from training.study.settings import StudySettings  # noqa: PLC0415
        from training.study.study import run_study  # noqa: PLC0415
    limit = Budget(budget)
    planned = load_plan(plan or CONFIGS / (QUICK_PLAN if quick else DEFAULT_PLAN))
    settings = StudySettings(
        name or planned.name,
        split,
        known_leaks(accepted),
        fresh=fresh,
        costs=costs(review_cost),
        policy=policy,
    )
    with only_one(LOCK):
        runs = StudyRuns(open_mlflow())
        with console.status("read the data"):
            rows = read_data(data, description)
        outcome = run_study(
            planned,
            rows,
            read_feature_set(features) if features else DEFAULT,
            settings,
            runs=runs,
            storage=open_storage(storage or f"sqlite:///{TRIALS}"),
            budget=limit,
            progress=StudyProgress(console),
        )
    Console().print(table(f"study {settings.name}", outcome.records))
    for key, reason in outcome.left_out.items():
        click.echo(f"left out: {key}, {reason}")
    for leak, seen in outcome.accepted.items():
        click.echo(f"accepted leak {leak}: {seen}")
    if outcome.left_out:
        click.echo("the same command goes on with what was left out")
    click.echo(f"chosen: {outcome.chosen.key}, in {time.perf_counter() - started:.0f} s; its bundle is in its run, so:")
    click.echo(f"  fraud-train register {outcome.run_id}")

"""The job of `fraud-train study`."""

import time
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from training.commands.jobs.inputs import accepted_leaks, make_costs, open_mlflow, read_data
from training.commands.study_options import STUDY_LOCK
from training.data.featureset import DEFAULT, read_feature_set
from training.study.budget import Budget
from training.study.leaderboard import leaderboard_table
from training.study.lock import single_instance
from training.study.plan import load_plan
from training.study.progress import StudyProgress
from training.study.runs import StudyRuns
from training.study.search import open_storage
from training.study.settings import StudySettings
from training.study.study import run_study


def compare_families(
    *,
    data: str,
    description: Path | None,
    features: Path | None,
    plan: Path,
    name: str | None,
    budget: float | None,
    split: str,
    storage: str,
    policy: Literal["score", "expected_loss"] | None,
    alerts_per_day: int | None,
    review_cost: int | None,
    fresh: bool,
    accepted: tuple[str, ...],
    console: Console,
    started: float,
) -> None:
    """Run a study and print its leaderboard and how to register its best model.

    Args:
        data: Path or fsspec URL of a Parquet or CSV file.
        description: YAML file that describes the columns; None for the ULB data.
        features: YAML feature set; None for all feature columns and the amount.
        plan: YAML plan of the study.
        name: Name of the study; None for the name in the plan.
        budget: Time limit in minutes; None for no limit.
        split: How to split the data, `time` or `stratified-SEED`.
        storage: SQLAlchemy URL of the storage for Optuna's trials.
        policy: Kind of the deployed policy; None to choose it by the data's currencies.
        alerts_per_day: Number of alerts that analysts can review in a day; None for the lowest expected cost.
        review_cost: Cost of one review in minor units; None for the default.
        fresh: Whether to start a new study even if an unfinished one could be resumed.
        accepted: Names of the leaks to accept.
        console: Console on which to show the progress.
        started: Value of `time.perf_counter` when the command started.
    """
    limit = Budget(budget)
    study_plan = load_plan(plan)
    settings = StudySettings(
        name or study_plan.name,
        split,
        accepted_leaks(accepted),
        fresh=fresh,
        costs=make_costs(review_cost),
        policy=policy,
        alerts_per_day=alerts_per_day,
    )
    with single_instance(STUDY_LOCK):
        runs = StudyRuns(open_mlflow())
        with console.status("read the data"):
            rows = read_data(data, description)
        outcome = run_study(
            study_plan,
            rows,
            read_feature_set(features) if features else DEFAULT,
            settings,
            runs=runs,
            storage=open_storage(storage),
            budget=limit,
            progress=StudyProgress(console),
        )
    Console().print(leaderboard_table(f"study {settings.name}", outcome.records))
    for key, entry in outcome.left_out.items():
        click.echo(f"left out: {key} ({entry.reason})")
    for leak, details in outcome.accepted.items():
        click.echo(f"accepted leak {leak}: {details}")
    if not all(entry.failed for entry in outcome.left_out.values()):
        click.echo("some entries were left out but did not fail; to run them, repeat the same command")
    click.echo(f"chosen: {outcome.chosen.key}, in {time.perf_counter() - started:.0f} s; register its bundle with:")
    click.echo(f"  fraud-train register {outcome.run_id}")

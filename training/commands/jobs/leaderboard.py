"""The job of `fraud-train leaderboard`."""

import click
from rich.console import Console

from schemas.errors import StudyError
from training.commands.jobs.inputs import open_mlflow
from training.study.leaderboard import leaderboard_table
from training.study.runs import StudyRuns


def show_leaderboard(*, name: str | None) -> None:
    """Print the entries of a study, best first.

    Args:
        name: Name of the study; None for the newest.
    """
    runs = StudyRuns(open_mlflow())
    study = runs.require(name)
    records = [record for _, record in runs.finished(study).values()]
    if not records:
        raise StudyError(f"study {study.name} has no finished entry yet; run: fraud-train study")
    Console().print(leaderboard_table(f"study {study.name}, {study.status.lower()}", records))
    for key, entry in study.left_out.items():
        click.echo(f"left out: {key}, {entry.reason}")

"""The job of `fraud-train compare`."""

from pathlib import Path

import click
from rich.console import Console

from training.commands.jobs.inputs import open_mlflow
from training.commands.options import VAR
from training.registry.versions import Registry
from training.study.compare import compare_study, save_page, summary_lines
from training.study.leaderboard import leaderboard_table
from training.study.runs import StudyRuns


def compare_entries(*, name: str | None, out: Path | None) -> None:
    """Print and write the comparison of a study's entries.

    Args:
        name: Name of the study; None for the newest.
        out: HTML file to write; None for a file named after the study.
    """
    connection = open_mlflow()
    runs = StudyRuns(connection)
    study = runs.require(name)
    comparison = compare_study(study, runs, Registry(connection))
    Console().print(leaderboard_table(f"study {study.name}, {study.status.lower()}", comparison.records))
    for line in summary_lines(comparison):
        click.echo(line)
    path = out or VAR / f"compare-{study.name}.html"
    save_page(comparison, study, runs, path)
    click.echo(path)

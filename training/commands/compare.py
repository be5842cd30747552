"""The command `fraud-train compare`."""

from pathlib import Path

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.options import VAR, file_path
from training.commands.study_options import name_option, open_mlflow


@click.command(
    short_help="Compare a study's entries and the champion.",
    epilog=examples("fraud-train compare", "fraud-train compare --study quick --out quick.html"),
)
@name_option
@click.option("--out", type=file_path, help="HTML file to write.  [default: var/compare-NAME.html]")
def compare(name: str | None, out: Path | None) -> None:
    """Compare a study's entries with each other and its best entry with the champion.

    The result is printed as a table and written as an HTML page, which is also logged to MLflow. The comparison
    with the champion shows the paired difference on the folds if the champion comes from a study with the same folds,
    and the metrics on the test set if `fraud-train evaluate --final` has been run.
    """
    # MLflow takes seconds to import; help and usage errors must not wait for it.
    from training.registry.versions import Registry  # noqa: PLC0415
    from training.study.compare import compare_study, save_page, summary_lines  # noqa: PLC0415
    from training.study.leaderboard import leaderboard_table  # noqa: PLC0415
    from training.study.runs import StudyRuns  # noqa: PLC0415

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

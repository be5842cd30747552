"""`fraud-train compare`."""

from pathlib import Path

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.options import VAR, file_path
from training.commands.study_options import name_option, open_mlflow


@click.command(epilog=examples("fraud-train compare", "fraud-train compare --study quick --out quick.html"))
@name_option
@click.option("--out", type=file_path, help="HTML file to write.  [default: var/compare-NAME.html]")
def compare(name: str | None, out: Path | None) -> None:
    """Show a study's entries and the best beside the champion, as a table and as an HTML page saved to MLflow.

    Beside the champion: the paired difference on the folds, where the champion comes from a study on the same ones, and
    what `evaluate --final` found on the test part, once somebody has looked.
    """
    # MLflow takes seconds to import.
    from training.registry.versions import Registry  # noqa: PLC0415
    from training.study.compare import save, study_comparison, summary  # noqa: PLC0415
    from training.study.leaderboard import table  # noqa: PLC0415
    from training.study.runs import StudyRuns  # noqa: PLC0415

    connection = open_mlflow()
    runs = StudyRuns(connection)
    study = runs.require(name)
    comparison = study_comparison(study, runs, Registry(connection))
    Console().print(table(f"study {study.name}, {study.status.lower()}", comparison.records))
    for line in summary(comparison):
        click.echo(line)
    path = out or VAR / f"compare-{study.name}.html"
    save(comparison, study, runs, path)
    click.echo(path)

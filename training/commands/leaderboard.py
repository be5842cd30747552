"""The command `fraud-train leaderboard`."""

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.study_options import name_option, open_mlflow


@click.command(
    short_help="Show the entries of a study, best first.",
    epilog=examples("fraud-train leaderboard", "fraud-train leaderboard --study quick"),
)
@name_option
def leaderboard(name: str | None) -> None:
    """Show the entries of a study, sorted by PR-AUC on folds inside the training split.

    Metrics on the test set are not shown, so that nobody uses them to choose a model.
    """
    # MLflow takes seconds to import; help and usage errors must not wait for it.
    from schemas.errors import StudyError  # noqa: PLC0415
    from training.study.leaderboard import leaderboard_table  # noqa: PLC0415
    from training.study.runs import StudyRuns  # noqa: PLC0415

    runs = StudyRuns(open_mlflow())
    study = runs.require(name)
    records = [record for _, record in runs.finished(study).values()]
    if not records:
        raise StudyError(f"study {study.name} has no finished entry yet; run: fraud-train study")
    Console().print(leaderboard_table(f"study {study.name}, {study.status.lower()}", records))
    for key, entry in study.left_out.items():
        click.echo(f"left out: {key}, {entry.reason}")

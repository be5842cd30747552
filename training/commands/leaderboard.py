"""The command `fraud-train leaderboard`."""

from typing import Any

import click

from stream.commands.command_line import examples
from training.commands.study_options import name_option


@click.command(
    epilog=examples("fraud-train leaderboard", "fraud-train leaderboard --study quick"),
)
@name_option
def leaderboard(**options: Any) -> None:
    """Show the entries of a study, sorted by PR-AUC on folds inside the training split.

    Metrics on the test set are not shown, so that nobody uses them to choose a model.
    """
    from training.commands.jobs.leaderboard import show_leaderboard  # noqa: PLC0415 - MLflow takes seconds to import

    show_leaderboard(**options)

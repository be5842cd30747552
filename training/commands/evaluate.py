"""The command `fraud-train evaluate`."""

from typing import Any

import click

from stream.commands.command_line import examples
from training.commands.options import data_option, description_option, store_option
from training.commands.study_options import accept_option, name_option, review_cost_option


@click.command(
    epilog=examples("fraud-train evaluate --final", "fraud-train evaluate --final --study quick"),
)
@click.option(
    "--final",
    is_flag=True,
    help="Confirm that you want to use the test set. Do this only once, after the study.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Evaluate the test set again although it has been used before; the evaluation is recorded.",
)
@name_option
@data_option
@description_option
@store_option
@review_cost_option
@accept_option
def evaluate(*, final: bool, **options: Any) -> None:
    """Evaluate a study's chosen model and the champion on the test set, with paired differences.

    Each evaluation is counted on the study's run before it starts, because a test set that is used often turns into
    another validation split. To choose models, use `fraud-train leaderboard` and `fraud-train compare` instead.
    """
    if not final:
        raise click.UsageError(
            "this command evaluates the test set; confirm with --final, or choose a model with: fraud-train leaderboard"
        )
    from training.commands.jobs.evaluate import evaluate_chosen  # noqa: PLC0415 - MLflow takes seconds to import

    evaluate_chosen(**options)

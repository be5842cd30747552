"""The command `fraud-train evaluate`."""

from pathlib import Path

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.options import data_option, description_option, store_option
from training.commands.study_options import (
    accept_option,
    accepted_leaks,
    make_costs,
    name_option,
    open_mlflow,
    read_data,
    review_cost_option,
)


@click.command(
    short_help="Evaluate a study's chosen model on the test set.",
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
def evaluate(
    *,
    final: bool,
    again: bool,
    name: str | None,
    data: str,
    description: Path | None,
    store: str | None,
    review_cost: int | None,
    accepted: tuple[str, ...],
) -> None:
    """Evaluate a study's chosen model and the champion on the test set, with paired differences.

    Each evaluation is counted on the study's run before it starts, because a test set that is used often turns into
    another validation split. To choose models, use `fraud-train leaderboard` and `fraud-train compare` instead.
    """
    if not final:
        raise click.UsageError(
            "this command evaluates the test set; confirm with --final, or choose a model with: fraud-train leaderboard"
        )
    # MLflow takes seconds to import; help and usage errors must not wait for it.
    from stream.models.bundle_store import BundleStore  # noqa: PLC0415
    from stream.settings import read_settings  # noqa: PLC0415
    from training.data.leaks import LeakAlarm  # noqa: PLC0415
    from training.registry.versions import Registry  # noqa: PLC0415
    from training.study.accepted_leaks import AcceptedLeaks  # noqa: PLC0415
    from training.study.final_evaluation import evaluate_test_set  # noqa: PLC0415
    from training.study.leaderboard import evaluation_table  # noqa: PLC0415
    from training.study.runs import StudyRuns  # noqa: PLC0415

    connection = open_mlflow()
    runs = StudyRuns(connection)
    study = runs.require(name)
    leaks = AcceptedLeaks()
    # Leaks that were accepted in the study are accepted here too.
    alarm = LeakAlarm(leaks.record, accepted_leaks((*accepted, *study.accepted)))
    leaks.attach(runs, study)
    evaluation = evaluate_test_set(
        study,
        read_data(data, description),
        runs=runs,
        registry=Registry(connection),
        store=BundleStore(store or read_settings().bundle.store),
        alarm=alarm,
        costs=make_costs(review_cost),
        again=again,
    )
    Console().print(evaluation_table(evaluation))

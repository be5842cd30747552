"""`fraud-train evaluate`."""

from pathlib import Path

import click
from rich.console import Console

from stream.commands.command_line import examples
from training.commands.options import data_option, description_option, store_option
from training.commands.study_options import (
    accept_option,
    costs,
    known_leaks,
    name_option,
    open_mlflow,
    read_data,
    review_cost_option,
)


@click.command(epilog=examples("fraud-train evaluate --final", "fraud-train evaluate --final --study quick"))
@click.option("--final", is_flag=True, help="Look at the test part: once, at the end.")
@click.option("--again", is_flag=True, help="Look once more; recorded as such.")
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
    """Score the test part with a study's chosen model and the champion, with paired differences.

    Each look is counted on the study's run before it is taken: a test part that is looked at often becomes one more
    validation part. Use `leaderboard` and `compare` to choose.
    """
    if not final:
        raise click.UsageError("figures of the test part are final ones; say --final, or use: fraud-train leaderboard")
    # MLflow takes seconds to import; help and bad usage are told at once.
    from stream.models.bundle_store import BundleStore  # noqa: PLC0415
    from stream.settings import read_settings  # noqa: PLC0415
    from training.data.leaks import LeakAlarm  # noqa: PLC0415
    from training.registry.versions import Registry  # noqa: PLC0415
    from training.study.accepted import AcceptedLeaks  # noqa: PLC0415
    from training.study.final import look_at_test  # noqa: PLC0415
    from training.study.leaderboard import look_table  # noqa: PLC0415
    from training.study.runs import StudyRuns  # noqa: PLC0415

    connection = open_mlflow()
    runs = StudyRuns(connection)
    study = runs.require(name)
    leaks = AcceptedLeaks()
    # What was accepted for the study is accepted here too.
    alarm = LeakAlarm(leaks.record, known_leaks((*accepted, *study.accepted)))
    leaks.attach(runs, study)
    look = look_at_test(
        study,
        read_data(data, description),
        runs=runs,
        registry=Registry(connection),
        store=BundleStore(store or read_settings().bundle.store),
        alarm=alarm,
        costs=costs(review_cost),
        again=again,
    )
    Console().print(look_table(look))

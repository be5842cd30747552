"""The job of `fraud-train evaluate`."""

from pathlib import Path

from rich.console import Console

from stream.models.bundle_store import BundleStore
from stream.settings import read_settings
from training.commands.jobs.inputs import accepted_leaks, make_costs, open_mlflow, read_data
from training.data.leaks import LeakAlarm
from training.registry.versions import Registry
from training.study.accepted_leaks import AcceptedLeaks
from training.study.final_evaluation import evaluate_test_set
from training.study.leaderboard import evaluation_table
from training.study.runs import StudyRuns


def evaluate_chosen(
    *,
    name: str | None,
    data: str,
    description: Path | None,
    store: str | None,
    review_cost: int | None,
    accepted: tuple[str, ...],
    again: bool,
) -> None:
    """Evaluate a study's chosen model and the champion on the test set, and print the result.

    Args:
        name: Name of the study; None for the newest.
        data: Path or fsspec URL of a Parquet or CSV file.
        description: YAML file that describes the columns; None for the ULB data.
        store: Bundle store; None for the bundle store in the settings.
        review_cost: Cost of one review in minor units; None for the default.
        accepted: Names of the leaks to accept.
        again: Whether to evaluate although the test set has been used before.
    """
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

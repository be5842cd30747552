"""The job of `fraud-train baseline`."""

import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from schemas.errors import FraudError
from stream.control.role_reader import current_roles
from stream.settings import read_settings
from training.baseline import MIN_PR_AUC, STEPS, BaselineModel, run_baseline
from training.commands.display import progress
from training.commands.jobs.inputs import accepted_leaks, open_mlflow, read_data
from training.commands.registry_options import kafka_settings, open_promoter
from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment
from training.registry.roles import TrainedRoles, publish, save_roles


def train_baseline(
    *,
    data: str,
    description: Path | None,
    store: str | None,
    roles: Path,
    accepted: tuple[str, ...],
    alerts_per_day: int | None,
    min_pr_auc: float | None,
    bootstrap: str | None,
    started: float,
) -> None:
    """Train the baseline's models, print their metrics and, with a broker, publish their roles.

    Args:
        data: Path or fsspec URL of a Parquet or CSV file.
        description: YAML file that describes the columns; None for the ULB data.
        store: Bundle store; None for the bundle store in the settings.
        roles: JSON file to write, which lists the models.
        accepted: Names of the leaks to accept.
        alerts_per_day: Number of alerts that analysts can review in a day; None for the lowest expected cost.
        min_pr_auc: Lowest PR-AUC on the test set with which the champion is accepted; None for the default.
        bootstrap: Kafka broker on which to publish the roles; None to publish nothing.
        started: Value of `time.perf_counter` when the command started.
    """
    leaks = accepted_leaks(accepted)
    if bootstrap:
        settings = kafka_settings(bootstrap)
        current_roles(settings.kafka, settings.topic)  # report an unusable broker before minutes of training
    with progress(1 + STEPS) as report:
        report("read the data")
        rows = read_data(data, description)
        trained, models = run_baseline(
            rows,
            store or read_settings().bundle.store,
            MlflowExperiment(open_mlflow(), BASELINE_EXPERIMENT),
            report,
            accepted=leaks,
            alerts_per_day=alerts_per_day,
            min_pr_auc=MIN_PR_AUC if min_pr_auc is None else min_pr_auc,
        )
    save_roles(trained, roles)
    Console().print(_table(trained, models))
    click.echo(f"trained in {time.perf_counter() - started:.0f} s, saved in {roles}")
    if bootstrap:
        try:
            update = publish(trained, kafka_settings(bootstrap), "baseline")
        except FraudError:
            command = f"fraud-train publish --roles {roles} --bootstrap {bootstrap}"
            click.echo(f"the models are saved; once the cause is fixed, publish them with: {command}", err=True)
            raise
        open_promoter(store, bootstrap).catch_up()
        click.echo(f"published as role epoch {update.epoch}")


def _table(trained: TrainedRoles, models: Sequence[BaselineModel]) -> Table:
    figures = {
        "ROC-AUC": "roc_auc",
        "best\nF1": "comparison_f1",
        "precision": "precision",
        "value\nrecall": "value_recall",
    }
    table = Table(
        "version",
        "PR-AUC (95% interval)",
        *figures,
        title="metrics on the test set",
        caption="Best F1 uses the threshold with the largest F1 on validation, as papers do to compare models. "
        "Precision (frauds among alerts) and value recall (share of the fraud amount alerted) use the deployed policy.",
    )
    for ref, model in zip((trained.champion, *trained.challengers), models, strict=True):
        pr_auc = model.metrics["pr_auc"]
        values = (model.metrics[name].value for name in figures.values())
        table.add_row(
            f"{ref.version} {model.evaluated.algorithm}",
            f"{pr_auc.value:.3f} ({pr_auc.low:.2f}-{pr_auc.high:.2f})",
            *(f"{value:.3f}" for value in values),
        )
    return table

"""The command `fraud-train baseline`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from stream.commands.command_line import examples
from stream.settings import read_settings
from training.commands.display import progress
from training.commands.options import data_option, description_option, roles_option, store_option
from training.commands.registry_options import kafka_settings, open_promoter
from training.commands.study_options import accept_option, accepted_leaks, alerts_option, open_mlflow, read_data

if TYPE_CHECKING:
    from training.baseline import BaselineModel
    from training.registry.roles import TrainedRoles


@click.command(
    short_help="Train the baseline: a champion and two challengers.",
    epilog=examples(
        "fraud-train baseline",
        "fraud-train baseline --alerts-per-day 50",
        "fraud-train baseline --data mine.csv --store s3://models/fraud --bootstrap kafka:9092",
    ),
)
@data_option
@description_option
@store_option
@roles_option
@accept_option
@alerts_option
@click.option("--bootstrap", help="Kafka broker, host:port; if given, the models' roles are published there.")
def baseline(
    *,
    data: str,
    description: Path | None,
    store: str | None,
    roles: Path,
    accepted: tuple[str, ...],
    alerts_per_day: int | None,
    bootstrap: str | None,
) -> None:
    """Train a LightGBM champion and XGBoost and ExtraTrees challengers with fixed hyperparameters.

    Each model is logged as an MLflow run (in var/mlflow.db, or at MLFLOW_TRACKING_URI) and registered as a
    version of the model `fraud`. The models' roles are published on Kafka with --bootstrap, or later with `fraud-train
    publish`. The command fails if the scores of a model and its ONNX export differ, or if the champion's PR-AUC on the
    test set is below 0.75. The test set is evaluated once for all three models, and MLflow counts the
    evaluations.
    """
    started = time.perf_counter()
    settings, leaks = read_settings(), accepted_leaks(accepted)
    with progress(1) as report:
        report("load MLflow and the boosters")
        # These imports take seconds; help and usage errors must not wait for them.
        from training.baseline import STEPS, run_baseline  # noqa: PLC0415
        from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment  # noqa: PLC0415
        from training.registry.roles import publish, save_roles  # noqa: PLC0415
    with progress(1 + STEPS) as report:
        report("read the data")
        rows = read_data(data, description)
        trained, models = run_baseline(
            rows,
            store or settings.bundle.store,
            MlflowExperiment(open_mlflow(), BASELINE_EXPERIMENT),
            report,
            accepted=leaks,
            alerts_per_day=alerts_per_day,
        )
    save_roles(trained, roles)
    Console().print(_table(trained, models))
    click.echo(f"trained in {time.perf_counter() - started:.0f} s, saved in {roles}")
    if bootstrap:
        update = publish(trained, kafka_settings(bootstrap), "baseline")
        open_promoter(store, bootstrap).catch_up()
        click.echo(f"published as role epoch {update.epoch}")


def _table(trained: "TrainedRoles", models: "Sequence[BaselineModel]") -> Table:
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
